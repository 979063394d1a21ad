package middleware_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rejoinder-go/rejoinder/internal/race"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/stretchr/testify/assert"
)

// fullWriter is a ResponseWriter with the interfaces of net/http's for
// HTTP/1.1, which does nothing: what is measured beside it is ours.
type fullWriter struct{ header http.Header }

func (w *fullWriter) Header() http.Header                          { return w.header }
func (w *fullWriter) WriteHeader(int)                              {}
func (w *fullWriter) Write(p []byte) (int, error)                  { return len(p), nil }
func (w *fullWriter) WriteString(s string) (int, error)            { return len(s), nil }
func (w *fullWriter) Flush()                                       {}
func (w *fullWriter) FlushError() error                            { return nil }
func (w *fullWriter) CloseNotify() <-chan bool                     { return nil }
func (w *fullWriter) ReadFrom(src io.Reader) (int64, error)        { return io.Copy(io.Discard, src) }
func (w *fullWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, nil }

// fullWriter2 is the same for HTTP/2.
type fullWriter2 struct{ w *fullWriter }

func (w fullWriter2) Header() http.Header                  { return w.w.Header() }
func (w fullWriter2) WriteHeader(int)                      {}
func (w fullWriter2) Write(p []byte) (int, error)          { return len(p), nil }
func (w fullWriter2) WriteString(s string) (int, error)    { return len(s), nil }
func (w fullWriter2) Flush()                               {}
func (w fullWriter2) FlushError() error                    { return nil }
func (w fullWriter2) CloseNotify() <-chan bool             { return nil }
func (w fullWriter2) Push(string, *http.PushOptions) error { return nil }

var small = []byte(`{"ok":true}`)

func ok(w http.ResponseWriter, r *http.Request) {
	w.Header()["Content-Type"] = typeJSON
	w.WriteHeader(200)
	w.Write(small)
}

var typeJSON = []string{"application/json"}

func nothing(*http.Request, middleware.Result) {}

// paths are what a request can take through the package: handler, middleware,
// and the most allocations that may cost beyond those of the handler itself.
var paths = []struct {
	name   string
	h      http.HandlerFunc
	mw     func(http.Handler) http.Handler
	allocs float64
}{
	{"success/direct", ok, middleware.Chain(), 0},
	{"success/Capture", ok, middleware.Capture(nothing), 1},
	{"success/Normalize", ok, middleware.Normalize, 1},
	{"success/Recover", ok, middleware.Recover, 1},
	{"success/Capture+Normalize", ok, middleware.Chain(middleware.Capture(nothing), middleware.Normalize), 1},
	{"success/Normalize+Capture", ok, middleware.Chain(middleware.Normalize, middleware.Capture(nothing)), 1},
	{"http.Error503/direct", fail503, middleware.Chain(), 3},
	{"http.Error503/Normalize", fail503, normalize, 6},
	{"http.Error404/direct", fail404, middleware.Chain(), 3},
	{"http.Error404/Normalize", fail404, normalize, 7},
	{"http.Error500/direct", fail500, middleware.Chain(), 3},
	{"http.Error500/Normalize", fail500, normalize, 8},
	{"RequestID", ok, middleware.RequestID, 4},
}

// A regression of the hot paths shows here, wherever the test runs.
func TestPathsAllocateNoMoreThanTheyMust(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	for _, p := range paths {
		h := p.mw(p.h)
		w := &fullWriter{http.Header{}}
		r := httptest.NewRequest("GET", "/", nil)
		for protocol, rw := range map[string]http.ResponseWriter{"HTTP/1.1": w, "HTTP/2": &fullWriter2{w}} {
			got := testing.AllocsPerRun(100, func() {
				clear(w.header)
				h.ServeHTTP(rw, r)
			})
			assert.LessOrEqual(t, got, p.allocs, "%s: %s", protocol, p.name)
		}
	}
}

func fail503(w http.ResponseWriter, r *http.Request) { http.Error(w, "Service Unavailable", 503) }
func fail500(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "dial tcp: connection refused", 500)
}
func fail404(w http.ResponseWriter, r *http.Request) { http.Error(w, "no such order: 17", 404) }

func BenchmarkPath(b *testing.B) {
	for _, p := range paths {
		b.Run(p.name, func(b *testing.B) {
			h := p.mw(p.h)
			w := &fullWriter{http.Header{}}
			r := httptest.NewRequest("GET", "/", nil)
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				h.ServeHTTP(w, r)
			}
		})
	}
}
