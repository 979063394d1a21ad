package policy

import (
	"flag"
	"go/ast"
	"go/format"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// Users compile against the exported names. A change of testdata/api.txt therefore needs a line in
// CHANGELOG.md. To update the file, run
//
//	go test ./internal/policy -run TestExportedAPI -update
func TestExportedAPIIsTheGoldenOne(t *testing.T) {
	var lines []string
	for _, s := range sources(t) {
		if s.isTest() || s.file.Name.Name == "main" || s.example() || strings.Contains("/"+s.path, "/internal/") || strings.Contains(s.path, "/testdata/") {
			continue
		}
		for _, line := range exported(t, s.file) {
			lines = append(lines, s.dir()+": "+line)
		}
	}
	slices.Sort(lines)
	got := strings.Join(slices.Compact(lines), "\n") + "\n" // files with different build tags may declare the same name
	golden := filepath.Join("testdata", "api.txt")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "if the change is intended, add it to CHANGELOG.md and run this test with -update")
}

// exported returns a line for each exported constant, variable, function, type, method and field of f.
func exported(t *testing.T, f *ast.File) (lines []string) {
	for _, decl := range f.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Name.IsExported() && hasExportedReceiver(decl) {
				lines = append(lines, oneLine(t, &ast.FuncDecl{Recv: decl.Recv, Name: decl.Name, Type: decl.Type}))
			}
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				switch spec := spec.(type) {
				case *ast.ValueSpec:
					lines = append(lines, exportedValues(t, decl.Tok, spec)...)
				case *ast.TypeSpec:
					if spec.Name.IsExported() {
						lines = append(lines, exportedType(t, spec)...)
					}
				}
			}
		}
	}
	return lines
}

func hasExportedReceiver(decl *ast.FuncDecl) bool {
	if decl.Recv == nil {
		return true
	}
	typ := decl.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

// exportedValues is exported for constants and variables. It leaves out the values of variables, which may
// change.
func exportedValues(t *testing.T, tok token.Token, spec *ast.ValueSpec) (lines []string) {
	for i, name := range spec.Names {
		if !name.IsExported() {
			continue
		}
		line := tok.String() + " " + name.Name
		if spec.Type != nil {
			line += " " + oneLine(t, spec.Type)
		}
		if tok == token.CONST && i < len(spec.Values) {
			line += " = " + oneLine(t, spec.Values[i])
		}
		lines = append(lines, line)
	}
	return lines
}

func exportedType(t *testing.T, spec *ast.TypeSpec) (lines []string) {
	name := "type " + spec.Name.Name
	if spec.TypeParams != nil {
		var params []string
		for _, p := range spec.TypeParams.List {
			for _, n := range p.Names {
				params = append(params, n.Name+" "+oneLine(t, p.Type))
			}
		}
		name += "[" + strings.Join(params, ", ") + "]"
	}
	var members *ast.FieldList
	switch typ := spec.Type.(type) {
	case *ast.StructType:
		name, members = name+" struct", typ.Fields
	case *ast.InterfaceType:
		name, members = name+" interface", typ.Methods
	default:
		if spec.Assign.IsValid() {
			name += " ="
		}
		return []string{name + " " + oneLine(t, typ)}
	}
	lines = []string{name}
	for _, m := range members.List {
		typ := oneLine(t, m.Type)
		if len(m.Names) == 0 { // embedded
			lines = append(lines, name+", "+typ)
		}
		for _, n := range m.Names {
			if n.IsExported() {
				lines = append(lines, name+", "+n.Name+" "+typ)
			} else if _, ok := spec.Type.(*ast.InterfaceType); ok {
				lines = append(lines, name+", unexported methods")
			}
		}
	}
	return lines
}

// oneLine returns the source of a node on one line.
func oneLine(t *testing.T, node any) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, format.Node(&b, token.NewFileSet(), node))
	return strings.Join(strings.Fields(b.String()), " ")
}
