package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tiny returns a module with the package that testdata has, changed by the edits.
func tiny(t *testing.T, edits ...string) string {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "tiny"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.test\n\ngo 1.26.0\n"), 0o600))
	for _, name := range []string{"tiny.go", "tiny_test.go"} {
		text, err := os.ReadFile(filepath.Join("testdata", "tiny", name+".txt"))
		require.NoError(t, err)
		changed := strings.NewReplacer(edits...).Replace(string(text))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "tiny", name), []byte(changed), 0o600))
	}
	return dir
}

// What is true of each mutant of package tiny.
var (
	killed = []string{
		"tiny: Within: drop from && `n >= 0`",
		"tiny: Within: drop from && `n < limit`",
		"tiny: Within: move the boundary of `n >= 0`",
		"tiny: Within: move the boundary of `n < limit`",
		"tiny: Within: double the bound `limit`",
		"tiny: First: negate `len(words) == 0`",
		"tiny: Sum: drop `sum = sum + n`",
		"tiny: Same: negate `a == b`",
	}
	survives = []string{
		"tiny: Sum: drop `defer func() { sum += 0 }()`",
		"tiny: Sum: drop `sum += 0`",
		"tiny: Sum: drop from || `n < 0`",
		"tiny: Sum: drop from || `n > 100`",
		"tiny: Sum: double the bound `100`",
		"tiny: Sum: move the boundary of `n < 0`",
		"tiny: Sum: move the boundary of `n > 100`",
	}
	unreached = []string{
		"tiny: First: drop `return \"\"`",
		"tiny: Sum: drop `continue`",
		"tiny: Wait: drop `d = min(d, patience)`",
		"tiny: Wait: take d of `min(d, patience)`",
		"tiny: Wait: take patience of `min(d, patience)`",
		"tiny: Wait: double the time `patience`",
	}
)

func TestMutantsOfATinyPackage(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles")
	}
	var out bytes.Buffer
	r := &runner{
		target: target{"tiny", []string{"tiny"}, []string{"tiny"}}, module: tiny(t), dir: t.TempDir(),
		settings: settings{names: "Test", longest: time.Minute, out: &out, verbose: true, workers: 2},
		judged:   map[string]bool{survives[0]: true, killed[0]: true, "tiny: Gone: negate `x`": true, "other: Gone: negate `x`": true},
	}
	require.NoError(t, r.prepare(regexp.MustCompile("")))
	var all, left, never []string
	for _, m := range r.mutants {
		all = append(all, m.key())
	}
	require.ElementsMatch(t, append(append(append([]string{}, killed...), survives...), unreached...), all)

	r.runAll(time.Now().Add(time.Hour))
	for _, m := range r.survived {
		if left = append(left, m.key()); !r.reached(m) {
			never = append(never, m.key())
		}
	}
	assert.ElementsMatch(t, append(append([]string{}, survives[1:]...), unreached...), left)
	assert.Subset(t, never, unreached)
	assert.Equal(t, []int{len(killed), 1, 0}, []int{r.killed, r.equal, r.left})

	out.Reset()
	assert.Equal(t, len(left)+2, r.report(), "what is listed, and neither equivalent nor there, counts too")
	for _, line := range []string{
		"equivalent.txt has what is not equivalent, or not there\n\t" + killed[0], "\n\ttiny: Gone: negate `x`\n", "tiny/tiny.go:19 is not reached\n\ttiny: First: drop `return \"\"`\n",
		"tiny: 21 mutants, 8 killed, 1 equivalent, 12 survive, 0 not run; 4 tests",
	} {
		assert.Contains(t, out.String(), line)
	}
	assert.NotContains(t, out.String(), "other: Gone", "which is another target's")
}

func TestDeadlineLeavesMutants(t *testing.T) {
	r := &runner{mutants: []*mutant{{id: 1}, {id: 2}}, settings: settings{only: "y", out: new(bytes.Buffer)}, judged: map[string]bool{"x: y": true}, target: target{packages: []string{"x"}}}
	r.runAll(time.Now().Add(-1))
	assert.Equal(t, 2, r.left)
	assert.Zero(t, r.report(), "what was not run is not judged")
}

// A language pass may change comments, move code, and split files.
func TestKeysOutliveComments(t *testing.T) {
	keys := func(edits ...string) (all []string) {
		_, mutants, err := mutate(tiny(t, edits...), "tiny/tiny.go", consts{"limit": number, "patience": duration}, 1)
		require.NoError(t, err)
		for _, m := range mutants {
			all = append(all, m.key())
		}
		return all
	}
	want := keys()
	assert.Equal(t, want, keys(
		"package tiny", "// more\n\npackage tiny\n\n// more",
		"return n >= 0 && n < limit // a comment that belongs to no key", "// A comment.\n\treturn n >= 0 && // a part of it\n\t\tn < limit",
		"{ sum += 0 }", "{\n\t\t// Another comment.\n\t\tsum += 0\n\t}",
		"min(d, patience)", "min(d, /* a */ patience)",
	))
	assert.NotEqual(t, want, keys("n < limit", "n <= limit"), "but not a change of code")
}

func TestListOfEquivalentMutantsHasReasons(t *testing.T) {
	name := filepath.Join(t.TempDir(), "equivalent.txt")
	require.NoError(t, os.WriteFile(name, []byte("# a comment\n\na: B: negate `x | y` | it is so\n"), 0o600))
	judged, err := readJudged(name)
	require.NoError(t, err)
	assert.Equal(t, map[string]bool{"a: B: negate `x | y`": true}, judged)
	require.NoError(t, os.WriteFile(name, []byte("a: B: negate `x`\n"), 0o600))
	_, err = readJudged(name)
	assert.ErrorContains(t, err, "no reason")
	_, err = readJudged("equivalent.txt")
	assert.NoError(t, err)
}

// What hangs is ended: what spins when it has taken its time, and what waits when
// it has done nothing for a while.
func TestProcessesThatHangAreEnded(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits")
	}
	for name, spin := range map[string]bool{"spins": true, "waits": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tiny(t, `t.Error("also without a mutant")`, map[bool]string{true: "for {\n\t}", false: "<-time.After(time.Hour)"}[spin], `import "testing"`, "import (\n\t\"testing\"\n\t\"time\"\n)\n\nvar _ = time.Hour")
			binary := filepath.Join(dir, "tiny.test")
			_, err := output(dir, "go", "test", "-c", "-vet=off", "-o", binary, "./tiny")
			require.NoError(t, err)
			run := func(name string) outcome {
				return runTests([]*test{{binary: binary, dir: dir, name: name}}, time.Second, "MUTANT=0")
			}
			hung := run("TestThatFails")
			assert.True(t, hung.failed)
			assert.Empty(t, hung.by)
			assert.False(t, run("TestWithin").failed)
		})
	}
}
