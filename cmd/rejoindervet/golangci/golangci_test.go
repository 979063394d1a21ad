package golangci_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/golangci/plugin-module-register/register"

	_ "github.com/rejoinder-go/rejoinder/cmd/rejoindervet/golangci"
)

// checks returns the names of the checks that golangci-lint runs with settings.
func checks(t *testing.T, settings any) ([]string, error) {
	t.Helper()
	newPlugin, err := register.GetPlugin("rejoindervet")
	if err != nil {
		t.Fatal(err)
	}
	plugin, err := newPlugin(settings)
	if err != nil {
		return nil, err
	}
	if got := plugin.GetLoadMode(); got != register.LoadModeTypesInfo {
		t.Errorf("GetLoadMode() = %q", got)
	}
	all, err := plugin.BuildAnalyzers()
	var names []string
	for _, a := range all {
		names = append(names, a.Name)
	}
	return names, err
}

func TestPluginRunsTheChecks(t *testing.T) {
	t.Cleanup(func() { _, _ = checks(t, nil) }) // the flags of the checks are shared
	all := []string{"leak", "noreturn", "twice", "code", "body", "required", "plain", "excuse"}
	for _, c := range []struct {
		name     string
		settings any
		want     []string
		err      string
	}{
		{"all without settings", nil, all, ""},
		{"but those switched off", map[string]any{"disable": []any{"plain", "excuse"}}, all[:6], ""},
		{"with flags", map[string]any{"leak-client-errors": true, "required-notes": true}, all, ""},
		{"not with an unknown check", map[string]any{"disable": []any{"leaks"}}, nil, `unknown check "leaks"`},
		{"not with an unknown setting", map[string]any{"enable": true}, nil, "unknown field"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := checks(t, c.settings)
			if !slices.Equal(got, c.want) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("checks are %v, %v; want %v, %s", got, err, c.want, c.err)
			}
		})
	}
}
