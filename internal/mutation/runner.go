package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A runner breaks the code of one target.
type runner struct {
	target
	module, dir string
	verbose     bool
	judged      map[string]bool

	mutants  []*mutant
	overlay  map[string]string // of the go command: files, and what stands in their place
	tests    []*test
	killed   int
	equal    int
	survived []*mutant
	left     int // that were not run
	stale    []string
	took     time.Duration
}

// A test is one function of a test binary.
type test struct {
	binary, dir, name string
	took              time.Duration
	reaches           map[int]bool
}

// prepare compiles the mutants, and learns what the tests reach.
func (r *runner) prepare(only *regexp.Regexp) error {
	r.overlay = map[string]string{}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return err
	}
	for _, pkg := range r.packages {
		if err := r.mutatePackage(pkg); err != nil {
			return err
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": r.overlay})
	if err != nil {
		return err
	}
	name := filepath.Join(r.dir, "overlay.json")
	if err := os.WriteFile(name, overlay, 0o600); err != nil {
		return err
	}
	for _, pkg := range r.target.tests {
		if err := r.compile(pkg, name); err != nil {
			return err
		}
	}
	slices.SortFunc(r.tests, func(a, b *test) int { return cmp.Compare(a.took, b.took) })
	r.mutants = slices.DeleteFunc(r.mutants, func(m *mutant) bool { return !only.MatchString(m.key()) })
	return nil
}

func (r *runner) mutatePackage(pkg string) error {
	list, err := output(r.module, "go", "list", "-f", "{{.Name}} {{join .GoFiles \" \"}}", "./"+pkg)
	if err != nil {
		return err
	}
	files := strings.Fields(list)
	name, files := files[0], files[1:]
	consts := map[string]bool{}
	for _, f := range files {
		if err := bounds(filepath.Join(r.module, pkg, f), consts); err != nil {
			return err
		}
	}
	for _, f := range files {
		text, mutants, err := mutate(r.module, path.Join(pkg, f), consts, len(r.mutants)+1)
		if err != nil {
			return err
		}
		r.mutants = append(r.mutants, mutants...)
		if err := r.replace(pkg, f, string(text)); err != nil {
			return err
		}
	}
	return r.replace(pkg, "mutant_switches.go", fmt.Sprintf(switches, name))
}

// replace puts a file into the overlay.
func (r *runner) replace(pkg, file, text string) error {
	name := filepath.Join(r.dir, strings.ReplaceAll(pkg, "/", "_")+"_"+file)
	r.overlay[filepath.Join(r.module, pkg, file)] = name
	return os.WriteFile(name, []byte(text), 0o600)
}

// bounds adds the constants of a file that are numbers, and no enumeration.
func bounds(file string, consts map[string]bool) error {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, decl := range parsed.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.CONST {
			continue
		}
		for _, spec := range gen.Specs {
			v := spec.(*ast.ValueSpec)
			if len(v.Values) != len(v.Names) {
				continue
			}
			for i, value := range v.Values {
				switch value := value.(type) {
				case *ast.BasicLit:
					consts[v.Names[i].Name] = value.Kind == token.INT
				case *ast.BinaryExpr:
					_, text := value.X.(*ast.BasicLit)
					consts[v.Names[i].Name] = text && value.X.(*ast.BasicLit).Kind == token.INT
				}
			}
		}
	}
	return nil
}

// compile makes a test binary, and runs each of its tests by itself.
func (r *runner) compile(pkg, overlay string) error {
	binary := filepath.Join(r.dir, strings.ReplaceAll(pkg, "/", "_")+".test")
	if _, err := output(r.module, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", binary, "./"+pkg); err != nil {
		return err
	}
	if _, err := os.Stat(binary); err != nil {
		return nil // it has no tests
	}
	dir := filepath.Join(r.module, pkg)
	list, err := output(dir, binary, "-test.list", "^(Test|Fuzz|Example)")
	if err != nil {
		return err
	}
	for name := range strings.FieldsSeq(list) {
		t := &test{binary: binary, dir: dir, name: name}
		reached := filepath.Join(r.dir, "reached")
		_ = os.Remove(reached)
		start := time.Now()
		ok := r.exec([]*test{t}, time.Minute, "MUTANT_REACHED="+reached)
		t.took, t.reaches = time.Since(start), map[int]bool{}
		if !ok {
			fmt.Printf("%s: %s fails without a mutant, and is not run\n", pkg, name)
			continue
		}
		ids, _ := os.ReadFile(reached)
		for id := range strings.FieldsSeq(string(ids)) {
			n, _ := strconv.Atoi(id)
			t.reaches[n] = true
		}
		if len(t.reaches) > 0 {
			r.tests = append(r.tests, t)
		}
	}
	return nil
}

// exec runs tests of one binary, and reports whether they pass.
func (r *runner) exec(tests []*test, limit time.Duration, env string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	names := make([]string, len(tests))
	for i, t := range tests {
		names[i] = t.name
	}
	cmd := exec.CommandContext(ctx, tests[0].binary, "-test.failfast", "-test.run", "^("+strings.Join(names, "|")+")$")
	cmd.Dir, cmd.Env = tests[0].dir, append(os.Environ(), "GOMAXPROCS=1", env)
	return cmd.Run() == nil
}

// runAll runs the mutants in random order until the deadline.
func (r *runner) runAll(deadline time.Time) {
	start := time.Now()
	rand.Shuffle(len(r.mutants), func(i, j int) { r.mutants[i], r.mutants[j] = r.mutants[j], r.mutants[i] })
	for i, m := range r.mutants {
		if time.Now().After(deadline) {
			r.left = len(r.mutants) - i
			break
		}
		by := r.notice(m)
		switch {
		case by != "":
			r.killed++
			if r.judged[m.key()] {
				r.stale = append(r.stale, m.key())
			}
		case r.judged[m.key()]:
			r.equal++
		default:
			r.survived = append(r.survived, m)
		}
		if r.verbose {
			fmt.Printf("%s:%d: %s: %s\n", m.file, m.line, m.name, cmp.Or(by, "survives"))
		}
	}
	r.took = time.Since(start)
}

// cheap is how long a test takes that is run first.
const cheap = 300 * time.Millisecond

// notice returns what notices a mutant, or "".
func (r *runner) notice(m *mutant) string {
	var groups [][]*test // of one binary each, the cheap ones first
	for _, t := range r.tests {
		if !t.reaches[m.id] {
			continue
		}
		at := slices.IndexFunc(groups, func(g []*test) bool { return g[0].binary == t.binary && (g[0].took < cheap) == (t.took < cheap) })
		if at < 0 {
			at = len(groups)
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], t)
	}
	for _, g := range groups {
		limit := 5 * time.Second
		for _, t := range g {
			limit += 2 * t.took
		}
		if !r.exec(g, limit, "MUTANT="+strconv.Itoa(m.id)) {
			return fmt.Sprintf("%s, one of %d tests", path.Base(g[0].binary), len(g))
		}
	}
	return ""
}

// reached reports whether any test reaches a mutant.
func (r *runner) reached(m *mutant) bool {
	return slices.ContainsFunc(r.tests, func(t *test) bool { return t.reaches[m.id] })
}

// report prints what became of the mutants, and returns how many lines have to be
// judged. Whole means that all of them were run.
func (r *runner) report(whole bool) (n int) {
	slices.SortFunc(r.survived, func(a, b *mutant) int { return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line)) })
	for _, m := range r.survived {
		why := "survives"
		if !r.reached(m) {
			why = "is not reached"
		}
		fmt.Printf("%s:%d %s\n\t%s\n", m.file, m.line, why, m.key())
	}
	known := map[string]bool{}
	for _, m := range r.mutants {
		known[m.key()] = true
	}
	for key := range r.judged {
		mine := slices.ContainsFunc(r.packages, func(pkg string) bool { return path.Dir(strings.SplitN(key, ":", 2)[0]) == pkg })
		if whole && mine && !known[key] {
			r.stale = append(r.stale, key)
		}
	}
	slices.Sort(r.stale)
	for _, key := range r.stale {
		fmt.Printf("equivalent.txt has what is not equivalent, or not there\n\t%s\n", key)
	}
	fmt.Printf("%s: %d mutants, %d killed, %d equivalent, %d survive, %d not run; %d tests, %v\n",
		r.name, len(r.mutants), r.killed, r.equal, len(r.survived), r.left, len(r.tests), r.took.Round(time.Second))
	return len(r.survived) + len(r.stale)
}
