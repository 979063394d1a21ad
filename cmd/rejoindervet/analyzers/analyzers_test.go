package analyzers_test

import (
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/rejoinder-go/rejoinder/cmd/rejoindervet/analyzers"
)

func TestChecksReportOnlyWrongResponses(t *testing.T) {
	for _, c := range []struct {
		check    *analysis.Analyzer
		packages []string
	}{
		{analyzers.Leak, []string{"leak", "leakfix", "helpers", "quiet"}},
		{analyzers.NoReturn, []string{"noreturn", "helpers", "quiet"}},
		{analyzers.Twice, []string{"twice", "helpers", "quiet"}},
		{analyzers.Code, []string{"code", "helpers", "quiet"}},
		{analyzers.Body, []string{"body", "helpers", "quiet"}},
		{analyzers.Required, []string{"required", "helpers", "quiet"}},
		{analyzers.Plain, []string{"plain", "byhand", "normalized", "helpers", "quiet"}},
		{analyzers.Excuse, []string{"excuse"}},
	} {
		t.Run(c.check.Name, func(t *testing.T) {
			if raceDetected && c.check != analyzers.Plain {
				t.Skip("one check is tried under the race detector")
			}
			// If there is a golden file, it is the result of applying the fixes.
			analysistest.RunWithSuggestedFixes(t, analysistest.TestData(), c.check, c.packages...)
		})
	}
}

func TestFlagsAddFindings(t *testing.T) {
	if raceDetected {
		t.Skip("one check is tried under the race detector")
	}
	for _, c := range []struct {
		check      *analysis.Analyzer
		flag, name string
	}{
		{analyzers.Leak, "client-errors", "leak4xx"},
		{analyzers.Required, "notes", "notes"},
	} {
		t.Run(c.flag, func(t *testing.T) {
			if err := c.check.Flags.Set(c.flag, "true"); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.check.Flags.Set(c.flag, "false") }()
			analysistest.Run(t, analysistest.TestData(), c.check, c.name)
		})
	}
}
