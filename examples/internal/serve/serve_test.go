package serve

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUntilLetsARequestUnderWayFinish(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- Until(ctx, in, "127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			stop()
			w.WriteHeader(http.StatusTeapot)
		}))
	}()

	line := make([]byte, 100)
	n, err := out.Read(line)
	require.NoError(t, err)
	url, ok := strings.CutPrefix(strings.TrimSpace(string(line[:n])), "listening on ")
	require.True(t, ok, "%q", line[:n])

	res, err := http.Get(url)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Equal(t, http.StatusTeapot, res.StatusCode)
	assert.NoError(t, <-ended)
}

func TestUntilSaysWhyItCannotListen(t *testing.T) {
	assert.ErrorContains(t, Until(t.Context(), io.Discard, "127.0.0.1:none", nil), "none")
}
