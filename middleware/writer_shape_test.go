package middleware_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/felixge/httpsnoop"
	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// optional are the interfaces that a handler may use of a ResponseWriter.
var optional = map[string]reflect.Type{
	"Flusher":       reflect.TypeFor[http.Flusher](),
	"FlushError":    reflect.TypeFor[interface{ FlushError() error }](),
	"Hijacker":      reflect.TypeFor[http.Hijacker](),
	"Pusher":        reflect.TypeFor[http.Pusher](),
	"ReaderFrom":    reflect.TypeFor[io.ReaderFrom](),
	"StringWriter":  reflect.TypeFor[io.StringWriter](),
	"ReadDeadline":  reflect.TypeFor[interface{ SetReadDeadline(time.Time) error }](),
	"WriteDeadline": reflect.TypeFor[interface{ SetWriteDeadline(time.Time) error }](),
	"FullDuplex":    reflect.TypeFor[interface{ EnableFullDuplex() error }](),
	"CloseNotifier": reflect.TypeFor[interface{ CloseNotify() <-chan bool }](),
}

func interfacesOf(w http.ResponseWriter) map[string]bool {
	has := map[string]bool{}
	for name, t := range optional {
		has[name] = reflect.TypeOf(w).Implements(t)
	}
	return has
}

func TestAWrappedWriterHasTheInterfacesOfItsBase(t *testing.T) {
	for name, mw := range map[string]func(http.Handler) http.Handler{
		"Capture":   middleware.Capture(nothing),
		"Normalize": middleware.Normalize,
		"Recover":   middleware.Recover,
		"Timeout":   middleware.Timeout(never),
		"all":       middleware.Chain(middleware.Capture(nothing), middleware.Normalize, middleware.Recover),
	} {
		for _, protocol := range wiretest.Protocols {
			var raw, wrapped map[string]bool
			wiretest.Get(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { raw = interfacesOf(w) }))
			wiretest.Get(t, protocol, mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { wrapped = interfacesOf(w) })))
			assert.Equal(t, raw, wrapped, "%s %s", protocol, name)
		}
	}
}

// bases are writers of other shapes, as other packages make them.
func bases(w http.ResponseWriter) map[string]http.ResponseWriter {
	return map[string]http.ResponseWriter{
		"nothing more": struct{ http.ResponseWriter }{w},
		"a flusher": struct {
			http.ResponseWriter
			http.Flusher
		}{w, w.(http.Flusher)},
		"a hijacker": struct {
			http.ResponseWriter
			http.Hijacker
		}{w, w.(http.Hijacker)},
		"a string writer": struct {
			http.ResponseWriter
			io.StringWriter
		}{w, w.(io.StringWriter)},
		"a pusher": struct {
			http.ResponseWriter
			http.Pusher
		}{w, noPush{}},
		"all and a pusher": struct {
			http1Full
			http.Pusher
		}{w.(http1Full), noPush{}},
		"httpsnoop's": httpsnoop.Wrap(w, httpsnoop.Hooks{Write: func(f httpsnoop.WriteFunc) httpsnoop.WriteFunc { return f }}),
	}
}

type http1Full interface {
	http.ResponseWriter
	http.Flusher
	FlushError() error
	http.Hijacker
	io.ReaderFrom
	io.StringWriter
	CloseNotify() <-chan bool
}

type noPush struct{}

func (noPush) Push(string, *http.PushOptions) error { return http.ErrNotSupported }

func TestAForeignWriterKeepsItsInterfaces(t *testing.T) {
	wiretest.Get(t, "HTTP/1.1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, base := range bases(w) {
			normalize(http.HandlerFunc(func(wrapped http.ResponseWriter, r *http.Request) {
				assert.Equal(t, interfacesOf(base), interfacesOf(wrapped), name)
			})).ServeHTTP(base, r)
		}
	}))
}

// Timeout adds to any writer what it can do by itself, but no ability of a base.
func TestTimeoutKeepsTheAbilitiesOfAWriter(t *testing.T) {
	wiretest.Get(t, "HTTP/1.1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all := bases(w)
		all["FlushError"] = failingFlush{w}
		all["flushes and pushes"] = struct {
			http.ResponseWriter
			http.Flusher
			http.Pusher
		}{w, w.(http.Flusher), noPush{}}
		all["flushes and hijacks"] = struct {
			http.ResponseWriter
			http.Flusher
			http.Hijacker
		}{w, w.(http.Flusher), w.(http.Hijacker)}
		for name, base := range all {
			want := interfacesOf(base)
			middleware.Timeout(never)(http.HandlerFunc(func(wrapped http.ResponseWriter, r *http.Request) {
				got := interfacesOf(wrapped)
				assert.Equal(t, want["Flusher"] || want["FlushError"], got["FlushError"], name)
				assert.Equal(t, want["Hijacker"], got["Hijacker"], name)
				if !want["Hijacker"] { // there is no such writer but in these tests
					assert.Equal(t, want["Pusher"], got["Pusher"], name)
				}
				if p, ok := wrapped.(http.Pusher); ok {
					assert.ErrorIs(t, p.Push("/y", nil), http.ErrNotSupported, name)
				}
				if name == "FlushError" {
					assert.ErrorIs(t, http.NewResponseController(wrapped).Flush(), errBroken)
				}
			})).ServeHTTP(base, r)
		}
	}))
}

func TestEveryMethodOfAnyWriterIsObserved(t *testing.T) {
	for name, base := range map[string]func(w http.ResponseWriter) http.ResponseWriter{
		"reads": func(w http.ResponseWriter) http.ResponseWriter {
			return struct {
				http.ResponseWriter
				io.ReaderFrom
			}{w, w.(io.ReaderFrom)}
		},
		"writes strings": func(w http.ResponseWriter) http.ResponseWriter {
			return struct {
				http.ResponseWriter
				io.StringWriter
			}{w, w.(io.StringWriter)}
		},
		"writes": func(w http.ResponseWriter) http.ResponseWriter { return struct{ http.ResponseWriter }{w} },
		"flushes": func(w http.ResponseWriter) http.ResponseWriter {
			return struct {
				http.ResponseWriter
				http.Flusher
			}{w, w.(http.Flusher)}
		},
	} {
		for _, fail := range []bool{false, true} {
			capture, got := results()
			a := wiretest.Get(t, "HTTP/1.1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				capture(normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if fail {
						http.Error(w, "denied", 403)
					}
					io.Copy(w, source(1000))
					io.WriteString(w, "abc")
					w.Write([]byte("abc"))
					if f, ok := w.(http.Flusher); ok {
						f.Flush()
					}
				}))).ServeHTTP(base(w), r)
			}))
			res := <-got
			assert.EqualValues(t, len(a.Text), res.Bytes, name)
			assert.Equal(t, a.StatusCode, res.Status, name)
			if fail {
				assert.Equal(t, "denied", a.Problem(t)["detail"], name)
			} else {
				assert.Len(t, a.Text, 1006, name)
			}
		}
	}
}

// A base whose Unwrap leads to more: what http.ResponseController would find
// there it has to find in our writer.
func TestResponseControllerWorksBehindUnwrap(t *testing.T) {
	wiretest.Get(t, "HTTP/1.1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, row := range []struct {
			why  string
			base http.ResponseWriter
			want map[string]bool // beyond FlushError, Hijacker, ReaderFrom, StringWriter and deadlines
		}{
			{"nothing itself", unwrapping{w}, map[string]bool{}},
			{"it flushes", struct {
				unwrapping
				http.Flusher
			}{unwrapping{w}, w.(http.Flusher)}, map[string]bool{"Flusher": true}},
			{"it pushes", struct {
				unwrapping
				http.Pusher
			}{unwrapping{w}, noPush{}}, map[string]bool{"Pusher": true}},
			{"both", struct {
				unwrapping
				http.Flusher
				http.Pusher
			}{unwrapping{w}, w.(http.Flusher), noPush{}}, map[string]bool{"Flusher": true, "Pusher": true}},
			{"it hijacks", struct {
				unwrapping
				http.Hijacker
			}{unwrapping{w}, w.(http.Hijacker)}, map[string]bool{}},
		} {
			normalize(http.HandlerFunc(func(wrapped http.ResponseWriter, r *http.Request) {
				for name, has := range interfacesOf(wrapped) {
					switch name {
					case "FlushError", "Hijacker", "ReaderFrom", "StringWriter", "ReadDeadline", "WriteDeadline":
						assert.True(t, has, "%s: %s", row.why, name)
					default:
						assert.Equal(t, row.want[name], has, "%s: %s", row.why, name)
					}
				}
			})).ServeHTTP(row.base, r)
		}
	}))
	wiretest.Get(t, "HTTP/2", plainWrapper(normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, hijacker := w.(http.Hijacker)
		assert.False(t, hijacker, "HTTP/2 has none to find")
		assert.Implements(t, (*interface{ FlushError() error })(nil), w)
	}))))
}

func TestNoFlushOrHijackSkipsAHeldError(t *testing.T) {
	wrappers := map[string]func(http.Handler) http.Handler{
		"net/http's own":       func(h http.Handler) http.Handler { return h },
		"hides all but Unwrap": plainWrapper,
		"flushes, and has Unwrap": func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(struct {
					unwrapping
					http.Flusher
				}{unwrapping{w}, w.(http.Flusher)}, r)
			})
		},
		"httpsnoop's": func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(httpsnoop.Wrap(w, httpsnoop.Hooks{}), r)
			})
		},
	}
	for why, wrap := range wrappers {
		capture, got := results()
		a := wiretest.Get(t, "HTTP/1.1", wrap(capture(normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "denied", 403)
			assert.NoError(t, http.NewResponseController(w).Flush())
		})))))
		assert.Equal(t, 403, a.StatusCode, why)
		assert.Equal(t, "denied", a.Problem(t)["detail"], why)
		assert.Equal(t, 403, (<-got).Status, why)

		capture, got = results()
		text := wiretest.Raw(t, wrap(capture(normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Own", "1")
			w.WriteHeader(500)
			conn, _, err := http.NewResponseController(w).Hijack()
			if assert.NoError(t, err) {
				conn.Close()
			}
		})))), wiretest.RawRequest("GET /"))
		assert.True(t, strings.HasPrefix(text, "HTTP/1.1 500 "), why)
		assert.Contains(t, text, "X-Own: 1", why)
		res := <-got
		assert.Equal(t, 500, res.Status, why)
		assert.True(t, res.Hijacked)
	}
}

func TestNestedLayersShareOneWriter(t *testing.T) {
	for why, wrap := range map[string]func(http.Handler) http.Handler{
		"net/http's own": func(h http.Handler) http.Handler { return h },
		"another shape": func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(struct{ http.ResponseWriter }{w}, r) })
		},
		"behind Unwrap": plainWrapper,
	} {
		var outer, inner http.ResponseWriter
		note := func(to *http.ResponseWriter) func(http.Handler) http.Handler {
			return func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { *to = w; next.ServeHTTP(w, r) })
			}
		}
		capture, got := results()
		wiretest.Get(t, "HTTP/1.1", wrap(middleware.Chain(capture, note(&outer), middleware.RequestID, normalize, middleware.Recover, middleware.Capture(nothing), note(&inner))(
			http.NotFoundHandler())))
		assert.True(t, outer == inner, why)
		assert.True(t, (<-got).Replaced, "%s: and so the outer one knows it all", why)
	}
}

func TestHijackIsReportedAsWhatItIs(t *testing.T) {
	for _, row := range []struct {
		why  string
		h    func(http.ResponseWriter)
		want middleware.Result
	}{
		{"as gorilla/websocket does: no call of WriteHeader", func(w http.ResponseWriter) {}, middleware.Result{Status: 101, Implicit: true, Hijacked: true}},
		{"as coder/websocket does", func(w http.ResponseWriter) { w.Header().Set("Upgrade", "websocket"); w.WriteHeader(101) }, middleware.Result{Status: 101, HandlerStatus: 101, Hijacked: true}},
		{"after bytes", func(w http.ResponseWriter) { io.WriteString(w, "abc") }, middleware.Result{Status: 200, Implicit: true, Bytes: 3, Hijacked: true}},
	} {
		for name, mw := range map[string]func(http.Handler) http.Handler{"Capture": middleware.Chain(), "Normalize": normalize} {
			capture, got := results()
			wiretest.Raw(t, capture(mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				row.h(w)
				conn, _, err := w.(http.Hijacker).Hijack()
				if !assert.NoError(t, err) {
					return
				}
				defer conn.Close()
				w.WriteHeader(500) // only logged by net/http
				_, err = w.Write([]byte("x"))
				assert.ErrorIs(t, err, http.ErrHijacked)
			}))), wiretest.RawRequest("GET /"))
			res := <-got
			res.WriteErr = nil
			assert.Equal(t, row.want, res, "%s %s", name, row.why)
		}
	}
}

func TestAPanicAfterHijackClosesTheConnection(t *testing.T) {
	for name, mw := range map[string]func(http.Handler) http.Handler{"Recover": middleware.RecoverWith(middleware.RecoverOptions{Logger: quiet}), "Normalize": normalize} {
		for _, fields := range [][]string{{"Connection: Upgrade"}, {"Connection: keep-alive, Upgrade"}} {
			srv := wiretest.Start(t, "HTTP/1.1", mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _, err := w.(http.Hijacker).Hijack()
				assert.NoError(t, err)
				panic("x")
			})))
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\nUpgrade: x\r\n\r\n", strings.Join(fields, "\r\n"))
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
			got, err := io.ReadAll(conn)
			assert.NoError(t, err, "%s: closed, not leaked", name)
			assert.Empty(t, got, "and nothing was written into the other protocol")
		}
	}
}

func TestAFailedHijackLeavesTheResponseAlone(t *testing.T) {
	a := wiretest.Get(t, "HTTP/2", normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _, err := http.NewResponseController(w).Hijack()
		assert.ErrorIs(t, err, http.ErrNotSupported)
		http.Error(w, "no upgrade here", 400)
	})))
	assert.Equal(t, "no upgrade here", a.Problem(t)["detail"])
}

func TestControllerReachesDeadlinesAndDuplex(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		wiretest.Get(t, protocol, middleware.Chain(middleware.Capture(nothing), normalize)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c := http.NewResponseController(w)
			assert.NoError(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
			assert.NoError(t, c.SetWriteDeadline(time.Now().Add(time.Minute)))
			assert.NoError(t, c.EnableFullDuplex())
		})))
	}
}

func TestFlushErrorReturnsItsError(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		capture, got := results()
		wiretest.Get(t, protocol, capture(normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c := http.NewResponseController(w)
			assert.NoError(t, c.SetWriteDeadline(time.Unix(1, 0)))
			io.WriteString(w, "x")
			assert.Error(t, c.Flush(), protocol)
		}))))
		assert.Error(t, (<-got).WriteErr, protocol)
	}
}

func TestAFileIsNotCopiedByHand(t *testing.T) {
	base := &readingWriter{fullWriter: fullWriter{http.Header{}}}
	h := middleware.Chain(middleware.Capture(nothing), normalize)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		io.Copy(w, source(100_000))
	}))
	h.ServeHTTP(base, httptest.NewRequest("GET", "/", nil))
	assert.EqualValues(t, 100_000, base.read, "the base's ReadFrom can use sendfile")
	assert.Zero(t, base.written)
}

type readingWriter struct {
	fullWriter
	read, written int64
}

func (w *readingWriter) ReadFrom(src io.Reader) (int64, error) {
	n, err := io.Copy(io.Discard, src)
	w.read += n
	return n, err
}

func (w *readingWriter) Write(p []byte) (int, error) {
	w.written += int64(len(p))
	return len(p), nil
}

func TestUnwrapMayReturnItsReceiver(t *testing.T) {
	rec, r := recorder()
	loop := &selfish{ResponseWriter: struct{ http.ResponseWriter }{rec}}
	normalize(http.NotFoundHandler()).ServeHTTP(loop, r)
	assert.Equal(t, 404, rec.Code)
	middleware.MaxBytes(1)(http.NotFoundHandler()).ServeHTTP(loop, r)
}

type selfish struct{ http.ResponseWriter }

func (s *selfish) Unwrap() http.ResponseWriter { return s }

func TestTrailersPass(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		a := wiretest.Get(t, protocol, middleware.Chain(middleware.Capture(nothing), normalize)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			io.WriteString(w, "hello")
			w.Header().Set("X-Sum", "17")
			w.Header().Set(http.TrailerPrefix+"X-More", "18")
		})))
		assert.Equal(t, "17", a.Trailer.Get("X-Sum"))
		assert.Equal(t, "18", a.Trailer.Get("X-More"))
	}
}

func TestPushReachesTheBase(t *testing.T) {
	wiretest.Get(t, "HTTP/2", normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.ErrorIs(t, w.(http.Pusher).Push("/a.css", nil), http.ErrNotSupported, "Go's client refuses pushes")
	})))
}

func TestCloseNotifyReachesTheBase(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		wiretest.Get(t, protocol, normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			assert.NotNil(t, w.(interface{ CloseNotify() <-chan bool }).CloseNotify())
		})))
	}
}

var errBroken = errors.New("broken")

func TestResultHasTheFirstErrorOfAWrite(t *testing.T) {
	capture, got := results()
	capture(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := w.Write([]byte("x"))
		assert.Equal(t, errBroken, err)
	})).ServeHTTP(brokenWriter{fullWriter{http.Header{}}}, httptest.NewRequest("GET", "/", nil))
	assert.Equal(t, middleware.Result{Status: 200, Implicit: true, WriteErr: errBroken}, <-got)
}

type brokenWriter struct{ fullWriter }

func (w brokenWriter) Header() http.Header { return w.header }

func (brokenWriter) WriteHeader(int)                              {}
func (brokenWriter) Write([]byte) (int, error)                    { return 0, errBroken }
func (brokenWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, errBroken }
