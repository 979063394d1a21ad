package middleware_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/middleware"
)

// A handler that outlives its deadline may have called the ResponseWriter in any
// way before: none of the calls is in progress any more, so that the request ends.
func TestTimeoutEndsAfterAnyCall(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, []byte("file"), 0o600))
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	copied := func(name string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			f, err := os.Open(name)
			if err == nil {
				_, _ = io.Copy(w, f)
				f.Close()
			}
		}
	}
	control := func(do func(*http.ResponseController) error) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { _ = do(http.NewResponseController(w)) }
	}
	for why, row := range map[string]struct {
		call func(http.ResponseWriter, *http.Request)
		sent bool // a part, that is, cut
	}{
		"none":               {func(http.ResponseWriter, *http.Request) {}, false},
		"WriteHeader":        {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }, true},
		"an error":           {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, false},
		"an error with text": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 404) }, false},
		"two statuses":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); w.WriteHeader(500) }, false},
		"a hint":             {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103) }, false},
		"Write":              {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("a")) }, true},
		"WriteString":        {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a") }, true},
		"a file":             {copied(name), true},
		"an empty file":      {copied(empty), false},
		"an open pipe": {func(w http.ResponseWriter, _ *http.Request) {
			if in, out, err := os.Pipe(); err == nil {
				t.Cleanup(func() { out.Close() }) // the handler waits until then
				_, _ = io.Copy(w, in)
				in.Close()
			}
		}, false},
		"a closed file": {func(w http.ResponseWriter, _ *http.Request) {
			if f, err := os.Open(name); err == nil {
				f.Close()
				_, _ = io.Copy(w, f)
			}
		}, false},
		"a reader": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.Copy(w, struct{ io.Reader }{strings.NewReader("a")})
		}, true},
		"Flush":               {control((*http.ResponseController).Flush), true},
		"a read deadline":     {control(func(c *http.ResponseController) error { return c.SetReadDeadline(time.Now().Add(time.Hour)) }), false},
		"a write deadline":    {control(func(c *http.ResponseController) error { return c.SetWriteDeadline(time.Now().Add(time.Hour)) }), false},
		"full duplex":         {control((*http.ResponseController).EnableFullDuplex), false},
		"a body that is long": {func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }, false},
		"Push": {func(w http.ResponseWriter, _ *http.Request) {
			if p, ok := w.(http.Pusher); ok {
				_ = p.Push("/y", nil)
			}
		}, false},
	} {
		for i, protocol := range append(wiretest.Protocols, wiretest.Protocols...) {
			inside := middleware.Chain()
			if i >= len(wiretest.Protocols) { // a Writer of its own, which handles a second status
				inside = middleware.Capture(nothing)
			}
			h := middleware.Chain(middleware.Normalize, middleware.Timeout(20*time.Millisecond), middleware.MaxBytes(3), inside)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				row.call(w, r)
				<-r.Context().Done()
			}))
			a := wiretest.Get(t, protocol, h, func(r *http.Request) {
				r.Method, r.Body, r.ContentLength = "POST", io.NopCloser(bytes.NewReader([]byte("long"))), -1
			})
			if row.sent {
				assert.Error(t, a.Err, "%s over %s is cut", why, protocol)
				continue
			}
			if assert.NoError(t, a.Err, "%s over %s", why, protocol) {
				assert.Equal(t, 503, a.StatusCode, "%s over %s", why, protocol)
			}
		}
	}
}
