// Package golangci adds the checks of rejoindervet to golangci-lint.
//
// List the package as a module plugin in .custom-gcl.yml, and enable it in .golangci.yml under
// linters.settings.custom, with the fields of [Settings].
package golangci

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/golangci/plugin-module-register/register"
	"golang.org/x/tools/go/analysis"

	"github.com/rejoinder-go/rejoinder/cmd/rejoindervet/analyzers"
)

func init() { register.Plugin("rejoindervet", New) }

// Settings are the settings of the linter. The zero value runs every check.
type Settings struct {
	// Disable lists the names of checks that are not run.
	Disable []string `json:"disable"`
	// LeakClientErrors makes the check leak report 4xx responses too.
	LeakClientErrors bool `json:"leak-client-errors"`
	// RequiredNotes makes the check required report missing recommended header fields too.
	RequiredNotes bool `json:"required-notes"`
}

// New returns the linter for its settings in .golangci.yml. It returns an error if a setting is
// unknown, or if Disable names a check that does not exist.
func New(conf any) (register.LinterPlugin, error) {
	s, err := register.DecodeSettings[Settings](conf)
	if err != nil {
		return nil, err
	}
	all := analyzers.All()
	for _, name := range s.Disable {
		if !slices.ContainsFunc(all, named(name)) {
			return nil, fmt.Errorf("rejoindervet: unknown check %q in disable", name)
		}
		all = slices.DeleteFunc(all, named(name))
	}
	if err := analyzers.Leak.Flags.Set("client-errors", strconv.FormatBool(s.LeakClientErrors)); err != nil {
		return nil, err
	}
	if err := analyzers.Required.Flags.Set("notes", strconv.FormatBool(s.RequiredNotes)); err != nil {
		return nil, err
	}
	return linter(all), nil
}

func named(name string) func(*analysis.Analyzer) bool {
	return func(a *analysis.Analyzer) bool { return a.Name == name }
}

// linter is the checks that run.
type linter []*analysis.Analyzer

func (l linter) BuildAnalyzers() ([]*analysis.Analyzer, error) { return l, nil }

func (l linter) GetLoadMode() string { return register.LoadModeTypesInfo }
