package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatIsLeftIsFound(t *testing.T) {
	tmp := t.TempDir()
	before := warmed(tmp)
	_, faults := left(before, tmp, 0)
	require.Empty(t, faults)

	stop := make(chan struct{})
	defer close(stop)
	started := make(chan struct{})
	go func() {
		close(started)
		<-stop
	}()
	<-started
	f, err := os.Create(filepath.Join(tmp, "multipart-1"))
	require.NoError(t, err)
	defer f.Close()
	_, faults = left(before, tmp, 0)
	text := strings.Join(faults, "\n")
	assert.Contains(t, text, "a goroutine is left:\n")
	assert.Contains(t, text, "TestWhatIsLeftIsFound.func", "its stack")
	assert.Contains(t, text, "is left open: "+f.Name())
	assert.Contains(t, text, "a temporary file is left: multipart-1")
	assert.Len(t, faults, 3)
}
