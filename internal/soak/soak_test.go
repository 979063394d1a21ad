package main

import (
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTenSecondsLeaveNothingBehind(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil && os.Getenv("CI") != "true" {
		t.Skip(errNoRedis)
	}
	var missing []string
	for _, seconds := range []time.Duration{10, 60} { // a machine that is busy gets more
		out, err := run(t.Context(), options{time: seconds * time.Second, seed: 1, progress: t.Output()})
		require.NoError(t, err)
		assert.Zero(t, out.violated)
		for _, v := range out.violations {
			t.Log(v)
		}
		assert.NotZero(t, out.main.bounds["bytes of the limit flooded"])
		assert.Contains(t, out.report(), "| goroutines |")
		if missing = absent(out); len(missing) == 0 {
			break
		}
	}
	assert.Empty(t, missing, "no such request, or fault")
}

// absent returns what each run should have had at least once.
func absent(out *outcome) []string {
	var names []string
	served := out.main.tables["requests"]
	for _, kind := range []string{"JSON", "upload", "proxy", "flood of keys", "flood of keys in a batch", "upgrade", "slow reader"} {
		if served[kind+", complete"] == 0 {
			names = append(names, kind)
		}
	}
	if out.main.tables["faults"]["graceful shutdown and restart"] == 0 {
		names = append(names, "shutdown")
	}
	return names
}

func TestWithoutRedisTheCommandSaysHowToGetIt(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := run(t.Context(), options{time: time.Second, progress: t.Output()})
	assert.True(t, errors.Is(err, errNoRedis), err)
}
