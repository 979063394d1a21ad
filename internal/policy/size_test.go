package policy

import (
	"go/ast"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
)

// maxLines bounds a function outside test files, from func to the closing brace. A table
// that is a package variable is no function, so it may be longer.
const maxLines = 40

func TestNoFunctionIsLongerThan40Lines(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest() || isTestdata(s.path) {
			continue
		}
		for _, decl := range s.file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := s.line(fn.End()) - s.line(fn.Pos()) + 1
			assert.LessOrEqual(t, lines, maxLines, "%s: lines of %s", s.path, fn.Name.Name)
		}
	}
}

// testName matches the name of a test, without the word that makes it one. Examples are
// named after what they show.
var testName = regexp.MustCompile(`^(?:Test|Fuzz|Benchmark)(\w+)$`)

func TestNamesOfTestsHaveAtMost40Letters(t *testing.T) {
	for _, s := range sources(t) {
		if !s.isTest() || isTestdata(s.path) {
			continue
		}
		for _, decl := range s.file.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok {
				if m := testName.FindStringSubmatch(fn.Name.Name); m != nil {
					assert.LessOrEqual(t, len(m[1]), 40, "%s: letters of %s", s.path, fn.Name.Name)
				}
			}
		}
	}
}
