package middleware_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/felixge/httpsnoop"
	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// counting counts what goes through Write, and what a connection copies by
// itself from a file.
type counting struct {
	net.Listener
	written, copied atomic.Int64
	files           atomic.Int64
}

func (l *counting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return countingConn{c.(*net.TCPConn), l}, nil
}

type countingConn struct {
	*net.TCPConn
	to *counting
}

func (c countingConn) Write(p []byte) (int, error) {
	n, err := c.TCPConn.Write(p)
	c.to.written.Add(int64(n))
	return n, err
}

func (c countingConn) ReadFrom(src io.Reader) (int64, error) {
	file := src
	if limited, ok := src.(*io.LimitedReader); ok {
		file = limited.R
	}
	if _, ok := file.(syscall.Conn); ok { // a file, or what its WriteTo makes of it
		c.to.files.Add(1)
	}
	n, err := c.TCPConn.ReadFrom(src)
	c.to.copied.Add(n)
	return n, err
}

// A file goes from the disk to the connection without a copy in the process:
// net.TCPConn has the file itself in its hands, for which Linux has sendfile.
func TestAFileReachesSendfile(t *testing.T) {
	const size = 4 << 20
	name := filepath.Join(t.TempDir(), "f.bin")
	require.NoError(t, os.WriteFile(name, make([]byte, size), 0o600))
	for why, mw := range map[string]func(http.Handler) http.Handler{
		"net/http":  middleware.Chain(),
		"Capture":   middleware.Capture(nothing),
		"Normalize": normalize,
		"Recover":   middleware.Recover,
		"Timeout":   middleware.Timeout(never),
		"all":       middleware.Chain(middleware.RequestID, middleware.AccessLogWith(middleware.AccessLogOptions{Logger: quiet}), normalize, middleware.Recover, middleware.MaxBytes(1)),
		"behind httpsnoop": func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				normalize(next).ServeHTTP(httpsnoop.Wrap(w, httpsnoop.Hooks{}), r)
			})
		},
	} {
		for how, send := range map[string]http.HandlerFunc{
			"ServeFile": func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name) },
			"io.Copy": func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", strconv.Itoa(size))
				copyFile(t, w, name)
			},
			"io.Copy of an error": func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				w.Header().Set("Content-Length", strconv.Itoa(size))
				w.WriteHeader(404)
				copyFile(t, w, name)
			},
		} {
			where := why + ": " + how
			capture, got := results()
			if why == "net/http" {
				capture = middleware.Chain()
				got <- middleware.Result{Bytes: size}
			}
			srv := httptest.NewUnstartedServer(capture(mw(send)))
			l := &counting{Listener: srv.Listener}
			srv.Listener = l
			srv.Start()
			a := wiretest.Send(t, srv)
			srv.Close()
			assert.NoError(t, a.Err, where)
			assert.Len(t, a.Text, size, where)
			assert.EqualValues(t, size, (<-got).Bytes, where)
			assert.EqualValues(t, 1, l.files.Load(), "%s: the file itself", where)
			assert.Greater(t, l.copied.Load(), int64(size-4<<10), where)
			assert.Less(t, l.written.Load(), int64(8<<10), "%s: the header and what tells the type", where)
		}
	}
}

func copyFile(t *testing.T, w io.Writer, name string) {
	if f, err := os.Open(name); assert.NoError(t, err) {
		defer f.Close()
		io.Copy(w, f)
	}
}

func TestAFlushErrorPassesEveryWriter(t *testing.T) {
	for why, wrap := range map[string]func(http.ResponseWriter) http.ResponseWriter{
		"net/http's":    func(w http.ResponseWriter) http.ResponseWriter { return w },
		"FlushError":    func(w http.ResponseWriter) http.ResponseWriter { return failingFlush{w} },
		"behind Unwrap": func(w http.ResponseWriter) http.ResponseWriter { return unwrapping{failingFlush{w}} },
		"of httpsnoop's": func(w http.ResponseWriter) http.ResponseWriter {
			return httpsnoop.Wrap(failingFlush{w}, httpsnoop.Hooks{})
		},
	} {
		for _, failing := range []bool{false, true} {
			capture, got := results()
			var flushed error
			wiretest.Get(t, "HTTP/1.1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				capture(normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if failing {
						http.Error(w, "x", 404)
					}
					flushed = http.NewResponseController(w).Flush()
				}))).ServeHTTP(wrap(w), r)
			}))
			want := errBroken
			if why == "net/http's" {
				want = nil
			}
			assert.Equal(t, want, (<-got).WriteErr, why) // the handler is over then
			assert.Equal(t, want, flushed, why)
		}
	}
}

type failingFlush struct{ http.ResponseWriter }

func (failingFlush) FlushError() error { return errBroken }

// httpsnoop.Unwrap goes down through all layers, so it cannot find ours.
func TestAForeignLayerChangesNoResult(t *testing.T) {
	between := map[string]func(http.Handler) http.Handler{
		"httpsnoop's": func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(httpsnoop.Wrap(w, httpsnoop.Hooks{WriteHeader: func(f httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc { return f }}), r)
			})
		},
		"metrics of httpsnoop's": func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { httpsnoop.CaptureMetrics(next, w, r) })
		},
		"hides all but Unwrap": plainWrapper,
		"hides all": func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(struct{ http.ResponseWriter }{w}, r) })
		},
	}
	for why, layer := range between {
		for _, protocol := range wiretest.Protocols {
			outer, out := results()
			inner, in := results()
			a := wiretest.Get(t, protocol, outer(layer(normalize(layer(inner(layer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.Error(w, "no such order", 404)
				w.WriteHeader(500)
			}))))))))
			assert.Equal(t, "no such order", a.Problem(t)["detail"], why)
			res := <-out
			assert.Equal(t, 404, res.Status, why)
			assert.EqualValues(t, len(a.Text), res.Bytes, why)
			assert.Equal(t, 404, (<-in).Status, why)
		}
	}
}
