// Package examples has a test of all example commands: each one builds,
// starts on a free port, responds, and stops on a signal.
package examples

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEachExampleStartsAndStops(t *testing.T) {
	mains, err := filepath.Glob("*/main.go")
	require.NoError(t, err)
	require.NotEmpty(t, mains)
	for _, main := range mains {
		dir := filepath.Dir(main)
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			continue // a module of its own, with a test of its own
		}
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			program := filepath.Join(t.TempDir(), dir)
			out, err := exec.Command("go", "build", "-o", program, "./"+dir).CombinedOutput()
			require.NoError(t, err, "%s", out)

			cmd := exec.Command(program, "-addr", "127.0.0.1:0")
			stdout, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			defer func() { _ = cmd.Process.Kill() }() // in case the test ends early
			line, err := bufio.NewReader(stdout).ReadString('\n')
			require.NoError(t, err)
			url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
			require.True(t, ok, "the first line of stdout has the address: %q", line)

			res, err := http.Get(url + "/no-such-path")
			require.NoError(t, err)
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			assert.Equal(t, http.StatusNotFound, res.StatusCode)
			assert.Equal(t, "application/problem+json", res.Header.Get("Content-Type"), "%s", body)

			require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
			assert.NoError(t, cmd.Wait(), "a clean stop has status 0")
		})
	}
}
