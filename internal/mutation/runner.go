package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A runner breaks the code of one target.
type runner struct {
	target
	settings
	module, dir string
	judged      map[string]bool

	mutants []*mutant
	overlay map[string]string // of the go command: files, and what stands in their place
	tests   []*test
	left    int // that were not run
	took    time.Duration

	mu       sync.Mutex // guards what follows, and how much each test has killed
	killed   int
	equal    int
	survived []*mutant
	stale    []string
}

// A test is one function of a test binary.
type test struct {
	binary, dir, name string
	took              time.Duration // of a core, since the machine may have other work
	reaches           map[int]bool
	killed            int
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
	known := consts{}
	for _, f := range files {
		if err := known.add(filepath.Join(r.module, pkg, f)); err != nil {
			return err
		}
	}
	for _, f := range files {
		text, mutants, err := mutate(r.module, path.Join(pkg, f), known, len(r.mutants)+1)
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

// consts has what kind of constant each name of a package is.
type consts map[string]constant

type constant uint8

const (
	other constant = iota // also of an enumeration
	number
	duration
)

// add adds the constants of a file.
func (c consts) add(file string) error {
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
			for i, value := range v.Values {
				c[v.Names[i].Name] = kindOf(value)
			}
		}
	}
	return nil
}

// kindOf returns what the value of a constant begins with: 100 * time.Millisecond
// is a duration.
func kindOf(e ast.Expr) constant {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.INT {
			return number
		}
	case *ast.BinaryExpr:
		return max(kindOf(e.X), kindOf(e.Y))
	case *ast.SelectorExpr:
		if id, ok := e.X.(*ast.Ident); ok && id.Name == "time" {
			return duration
		}
	}
	return other
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
	list, err := output(dir, binary, "-test.list", r.names)
	if err != nil {
		return err
	}
	for name := range strings.FieldsSeq(list) {
		t := &test{binary: binary, dir: dir, name: name}
		reached := filepath.Join(r.dir, "reached")
		_ = os.Remove(reached)
		alone := runTests([]*test{t}, time.Minute, "MUTANT_REACHED="+reached)
		t.took, t.reaches = alone.took, map[int]bool{}
		if alone.failed {
			fmt.Fprintf(r.out, "%s: %s fails without a mutant, and is not run\n", pkg, name)
			continue
		}
		if t.took > r.longest {
			fmt.Fprintf(r.out, "%s: %s takes %v, and is not run\n", pkg, name, t.took.Round(time.Millisecond))
			continue
		}
		ids, _ := os.ReadFile(reached) // there is none if it reaches nothing
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

// runAll runs the mutants in random order until the deadline.
func (r *runner) runAll(deadline time.Time) {
	start := time.Now()
	rand.Shuffle(len(r.mutants), func(i, j int) { r.mutants[i], r.mutants[j] = r.mutants[j], r.mutants[i] })
	var wg sync.WaitGroup
	var next atomic.Int64
	for range r.workers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(r.mutants)) && time.Now().Before(deadline); i = next.Add(1) - 1 {
				r.runOne(r.mutants[i])
			}
		})
	}
	wg.Wait()
	r.left = len(r.mutants) - r.killed - r.equal - len(r.survived)
	r.took = time.Since(start)
}

func (r *runner) runOne(m *mutant) {
	by := r.notice(m)
	r.mu.Lock()
	defer r.mu.Unlock()
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
		fmt.Fprintf(r.out, "%s:%d: %s: %s\n", m.file, m.line, m.name, cmp.Or(by, "survives"))
	}
}

// cheap is how long a test takes that is run first.
const cheap = 300 * time.Millisecond

// likely is the number of tests that are run before all others: those that have
// noticed the most mutants before.
const likely = 8

// notice returns what notices a mutant, or "".
func (r *runner) notice(m *mutant) string {
	all := r.reaching(m)
	first := min(likely, len(all))
	for _, group := range append(grouped(all[:first]), grouped(all[first:])...) {
		if by := r.try(group, m.id); by != "" {
			return by
		}
	}
	return ""
}

// reaching returns the tests that reach a mutant, in the order in which they are
// likely to notice it.
func (r *runner) reaching(m *mutant) (all []*test) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.tests {
		if t.reaches[m.id] {
			all = append(all, t)
		}
	}
	slices.SortStableFunc(all, func(a, b *test) int { return cmp.Compare(b.killed, a.killed) })
	return all
}

// grouped puts together what can be run at once: tests of one binary, the cheap
// ones before the others.
func grouped(tests []*test) (groups [][]*test) {
	for _, t := range tests {
		at := slices.IndexFunc(groups, func(g []*test) bool { return g[0].binary == t.binary && (g[0].took < cheap) == (t.took < cheap) })
		if at < 0 {
			at = len(groups)
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], t)
	}
	slices.SortStableFunc(groups, func(a, b []*test) int { return cmp.Compare(a[0].took/cheap, b[0].took/cheap) })
	return groups
}

// try returns which of the tests notices a mutant, or "". One counts only if it
// passes without the mutant right afterwards: the machine may be to blame.
func (r *runner) try(tests []*test, id int) string {
	limit := 3 * time.Second
	for _, t := range tests {
		limit += 5 * t.took
	}
	for range 3 {
		with := runTests(tests, limit, "MUTANT="+strconv.Itoa(id))
		if !with.failed {
			return ""
		}
		again := tests
		if i := slices.IndexFunc(tests, func(t *test) bool { return t.name == with.by }); i >= 0 {
			again = tests[i : i+1]
		}
		if !runTests(again, limit, "MUTANT=0").failed {
			r.mu.Lock()
			again[0].killed++ // the first of several, if none was named
			r.mu.Unlock()
			return cmp.Or(with.by, fmt.Sprintf("one of %d tests crashes or hangs", len(tests)))
		}
		limit *= 2
	}
	return ""
}

// reached reports whether any test reaches a mutant.
func (r *runner) reached(m *mutant) bool {
	return slices.ContainsFunc(r.tests, func(t *test) bool { return t.reaches[m.id] })
}

// report prints what became of the mutants, and returns how many lines have to be
// judged.
func (r *runner) report() (n int) {
	slices.SortFunc(r.survived, func(a, b *mutant) int { return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line)) })
	for _, m := range r.survived {
		why := "survives"
		if !r.reached(m) {
			why = "is not reached"
		}
		fmt.Fprintf(r.out, "%s:%d %s\n\t%s\n", m.file, m.line, why, m.key())
	}
	known := map[string]bool{}
	for _, m := range r.mutants {
		known[m.key()] = true
	}
	for key := range r.judged {
		pkg, _, _ := strings.Cut(key, ":")
		if r.only == "" && slices.Contains(r.packages, pkg) && !known[key] {
			r.stale = append(r.stale, key)
		}
	}
	slices.Sort(r.stale)
	for _, key := range r.stale {
		fmt.Fprintf(r.out, "equivalent.txt has what is not equivalent, or not there\n\t%s\n", key)
	}
	fmt.Fprintf(r.out, "%s: %d mutants, %d killed, %d equivalent, %d survive, %d not run; %d tests, %v\n",
		r.name, len(r.mutants), r.killed, r.equal, len(r.survived), r.left, len(r.tests), r.took.Round(time.Second))
	return len(r.survived) + len(r.stale)
}
