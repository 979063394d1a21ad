package policy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	root   = "../.."
	module = "github.com/rejoinder-go/rejoinder"
)

// arrow lists, for each package of the core, the packages of the core that its non-test files may
// import. A new package needs a row.
var arrow = map[string][]string{
	".":                                     {},
	"problem":                               {"problem/status", "problem/internal/markup", "internal/jsonscan"},
	"problem/status":                        {},
	"problem/typedoc":                       {"problem", "problem/status", "problem/internal/markup"},
	"problem/internal/markup":               {"problem/status"},
	"problem/internal/markuptest":           {},
	"internal/exchange":                     {"problem"},
	"internal/jsonscan":                     {},
	"internal/matrix":                       {},
	"internal/model":                        {},
	"internal/mutation":                     {},
	"internal/race":                         {},
	"internal/wiretest":                     {},
	"respond":                               {"internal/exchange", "problem", "problem/status", "problem/typedoc"},
	"request":                               {"problem", "internal/jsonscan"},
	"middleware":                            {"internal/exchange", "problem", "problem/status", "respond"},
	"middleware/clientip":                   {"internal/exchange"},
	"middleware/middlewaretest":             {},
	"middleware/middlewaretest/conformance": {},
	"cmd/rejoindercheck":                    {"middleware/middlewaretest/conformance"},
	"middleware/ratelimit":                  {"internal/exchange", "problem", "problem/status", "respond"},
	"middleware/ratelimit/ratelimittest":    {"middleware/ratelimit"},
	"middleware/ratelimit/internal/redisscript": {"middleware/ratelimit"},
	"listener":        {"problem"},
	"internal/policy": {},
}

// thirdParty lists the packages outside the standard library that the non-test files of the core may
// import. Code that needs any other package belongs in a nested module.
var thirdParty = []string{
	"github.com/felixge/httpsnoop",
	"golang.org/x/time/rate",
}

// source is one Go file of the repository.
type source struct {
	path string // slash-separated, relative to the root of the repository
	file *ast.File
	text string
	fset *token.FileSet
}

func (s source) dir() string            { return filepath.ToSlash(filepath.Dir(s.path)) }
func (s source) isTest() bool           { return strings.HasSuffix(s.path, "_test.go") }
func (s source) nested() bool           { return slices.ContainsFunc(nestedModules(), s.within) }
func (s source) example() bool          { return strings.HasPrefix(s.path, "examples/") }
func (s source) within(dir string) bool { return strings.HasPrefix(s.path, dir+"/") }
func (s source) line(p token.Pos) int   { return s.fset.Position(p).Line }

// sources parses every Go file of the repository.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	fset := token.NewFileSet()
	walk(func(path string) {
		if !strings.HasSuffix(path, ".go") {
			return
		}
		text, err := os.ReadFile(filepath.Join(root, path))
		require.NoError(t, err)
		f, err := parser.ParseFile(fset, path, text, parser.ParseComments)
		require.NoError(t, err)
		all = append(all, source{path, f, string(text), fset})
	})
	require.Greater(t, len(all), 20, "the walk has to start at the root of the repository")
	return all
}

// walk calls f for each file that belongs to the project.
func walk(f func(path string)) {
	_ = fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (path == ".git" || d.Name() == "node_modules") {
			return fs.SkipDir
		}
		if err == nil && d.Type().IsRegular() {
			f(path)
		}
		return err
	})
}

// nestedModules returns the directories that have a go.mod of their own.
func nestedModules() (dirs []string) {
	walk(func(path string) {
		if dir, ok := strings.CutSuffix(path, "/go.mod"); ok {
			dirs = append(dirs, dir)
		}
	})
	return dirs
}

func TestImportsFollowTheArrow(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest() || s.nested() || s.example() {
			continue
		}
		allowed, known := arrow[s.dir()]
		require.True(t, known, "%s: package %s has no row in the arrow", s.path, s.dir())
		for _, spec := range s.file.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			first, _, _ := strings.Cut(path, "/")
			ours, isOurs := strings.CutPrefix(path, module+"/")
			switch {
			case isOurs:
				assert.Contains(t, allowed, ours, "%s imports %s against the arrow", s.path, ours)
			case strings.Contains(first, "."):
				assert.Contains(t, thirdParty, path, "%s", s.path)
			}
		}
	}
	for dir := range arrow {
		assert.DirExists(t, filepath.Join(root, dir), "a row of the arrow has no package")
	}
}

// owners lists the packages that may wrap a ResponseWriter and copy a request: the exchange, a package
// for tests, the listener, which wraps connections, and package problem, which replaces the body of a
// client's response.
var owners = []string{"internal/exchange", "middleware/middlewaretest", "listener", "problem"}

func TestOnlyTheExchangeWrapsAndCopies(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest() || s.nested() || s.example() || slices.Contains(owners, s.dir()) {
			continue
		}
		for _, spec := range s.file.Imports {
			assert.NotEqual(t, `"github.com/felixge/httpsnoop"`, spec.Path.Value, "%s: internal/exchange wraps ResponseWriters", s.path)
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if name := copies(n); name != "" {
					t.Errorf("%s: %s copies a request: use exchange.Serve or ServeBody", s.path, name)
				}
			case *ast.AssignStmt:
				for _, left := range n.Lhs {
					if sel, ok := left.(*ast.SelectorExpr); ok && sel.Sel.Name == "Body" {
						t.Errorf("%s: assigns a Body, perhaps that of the server's request: use exchange.ServeBody", s.path)
					}
				}
			case *ast.TypeSpec:
				if embedsResponseWriter(n) {
					t.Errorf("%s: type %s wraps a ResponseWriter: use exchange.Enter", s.path, n.Name.Name)
				}
			}
			return true
		})
	}
}

// copies returns the name of the method if a call copies a request, and "" otherwise. The Clone method
// of a request has an argument, and that of a header has none.
func copies(call *ast.CallExpr) string {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if name := sel.Sel.Name; name == "WithContext" || name == "Clone" && len(call.Args) == 1 && !isPackage(sel.X) {
		return name
	}
	return ""
}

// isPackage reports whether x is the name of a standard package with a function Clone.
func isPackage(x ast.Expr) bool {
	id, ok := x.(*ast.Ident)
	return ok && slices.Contains([]string{"slices", "maps", "bytes", "strings"}, id.Name)
}

func embedsResponseWriter(spec *ast.TypeSpec) bool {
	st, ok := spec.Type.(*ast.StructType)
	if !ok {
		return false
	}
	return slices.ContainsFunc(st.Fields.List, func(f *ast.Field) bool {
		sel, ok := f.Type.(*ast.SelectorExpr)
		return ok && len(f.Names) == 0 && sel.Sel.Name == "ResponseWriter"
	})
}

func TestExamplesOfTheCoreImportNoThirdParty(t *testing.T) {
	for _, s := range sources(t) {
		if !s.example() || s.isTest() || s.nested() {
			continue
		}
		for _, spec := range s.file.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			first, _, _ := strings.Cut(path, "/")
			if strings.Contains(first, ".") && !strings.HasPrefix(path, module) {
				t.Errorf("%s imports %s: an example with a dependency has to be a nested module", s.path, path)
			}
		}
	}
}

func TestProblemNeverSeesAResponseWriter(t *testing.T) {
	for _, s := range sources(t) {
		if s.dir() != "problem" || s.isTest() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && id.Name == "ResponseWriter" {
				t.Errorf("%s: package problem must not use a ResponseWriter", s.path)
			}
			return true
		})
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	docs := map[string]string{}
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		if s.file.Doc != nil {
			assert.Empty(t, docs[s.dir()], "%s: a second package comment", s.path)
			docs[s.dir()] = s.file.Doc.Text()
		} else if _, ok := docs[s.dir()]; !ok {
			docs[s.dir()] = ""
		}
	}
	for dir, doc := range docs {
		assert.Regexp(t, `^(Package|Command) \w+ `, doc, "%s", dir)
	}
}

func TestNoTestSleeps(t *testing.T) {
	for _, s := range sources(t) {
		if !s.isTest() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "Sleep" {
				return true
			}
			// In a synctest bubble a sleep takes no real time.
			if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "time" && !strings.Contains(s.text, `"testing/synctest"`) {
				t.Errorf("%s: a test must not sleep: use testing/synctest, or pass the time in", s.path)
			}
			return true
		})
	}
}

func TestNestedModulesAreBuiltAgainstThisTree(t *testing.T) {
	goLine := func(text string) string {
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "go ") {
				return line
			}
		}
		return ""
	}
	core, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	for _, dir := range nestedModules() {
		b, err := os.ReadFile(filepath.Join(root, dir, "go.mod"))
		require.NoError(t, err)
		text := string(b)
		up := strings.Repeat("../", strings.Count(dir, "/")) + ".."
		assert.Contains(t, text, "module "+module+"/"+dir+"\n", "%s: the module has to be named after its directory", dir)
		if strings.Contains(text, module+" v") {
			assert.Contains(t, text, module+" => "+up+"\n", "%s: the module has to replace the core by this tree", dir)
		} else {
			// `go install path@version` refuses a module that replaces another.
			assert.NotContains(t, text, "=>", "%s: a module that does not require the core must not replace it", dir)
		}
		assert.Equal(t, goLine(string(core)), goLine(text), "%s: the module has to require the same version of Go as the core", dir)
	}
	ci, err := os.ReadFile(filepath.Join(root, ".ci/run"))
	require.NoError(t, err)
	assert.Contains(t, string(ci), "git ls-files 'go.mod' '*/go.mod'", ".ci/run has to find every module")
}
