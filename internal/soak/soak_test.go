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
	out, err := run(t.Context(), options{time: 10 * time.Second, seed: 1, progress: t.Output()})
	require.NoError(t, err)
	assert.Zero(t, out.violated)
	for _, v := range out.violations {
		t.Log(v)
	}
	served := out.main.tables["requests"]
	for _, kind := range []string{"JSON, complete", "upload, complete", "proxy, complete", "flood of keys, complete", "flood of keys in a batch, complete", "upgrade, complete", "slow reader, complete"} {
		assert.NotZero(t, served[kind], kind)
	}
	assert.NotZero(t, out.main.tables["faults"]["graceful shutdown and restart"])
	assert.NotZero(t, out.main.bounds["bytes of the limit flooded"])
	assert.Contains(t, out.report(), "| goroutines |")
}

func TestWithoutRedisTheCommandSaysHowToGetIt(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := run(t.Context(), options{time: time.Second, progress: t.Output()})
	assert.True(t, errors.Is(err, errNoRedis), err)
}
