package middleware_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// results returns a middleware that captures, and the channel of its results.
func results() (func(http.Handler) http.Handler, chan middleware.Result) {
	c := make(chan middleware.Result, 16)
	return middleware.Capture(func(_ *http.Request, res middleware.Result) {
		res.Duration = 0
		c <- res
	}), c
}

// source is a body without a WriteTo method.
func source(n int) io.Reader { return struct{ io.Reader }{bytes.NewReader(make([]byte, n))} }

// What each handler does, and what is on the wire then. In each row one of the
// usual wrappers reports something else.
var captured = []struct {
	why  string
	h    http.HandlerFunc
	http middleware.Result // over HTTP/1.1
	h2   middleware.Result // over HTTP/2; the zero value means the same
}{
	{"nothing written",
		func(w http.ResponseWriter, r *http.Request) {},
		middleware.Result{Status: 200, Implicit: true}, middleware.Result{}},
	{"the first status counts",
		func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404); w.WriteHeader(500) },
		middleware.Result{Status: 404, HandlerStatus: 404, Superfluous: 1}, middleware.Result{}},
	{"a write is a 200",
		func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("abc")); w.WriteHeader(500) },
		middleware.Result{Status: 200, Implicit: true, Bytes: 3, Superfluous: 1}, middleware.Result{}},
	{"an empty one too",
		func(w http.ResponseWriter, r *http.Request) { w.Write(nil); w.WriteHeader(500) },
		middleware.Result{Status: 200, Implicit: true, Superfluous: 1}, middleware.Result{}},
	{"a written string too",
		func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "abc"); w.WriteHeader(500) },
		middleware.Result{Status: 200, Implicit: true, Bytes: 3, Superfluous: 1}, middleware.Result{}},
	{"a flush is a 200",
		func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush(); w.WriteHeader(500) },
		middleware.Result{Status: 200, Implicit: true, Superfluous: 1}, middleware.Result{}},
	{"the controller's flush is one",
		func(w http.ResponseWriter, r *http.Request) {
			http.NewResponseController(w).Flush()
			w.WriteHeader(500)
		},
		middleware.Result{Status: 200, Implicit: true, Superfluous: 1}, middleware.Result{}},
	{"io.Copy is a 200, and its bytes count",
		func(w http.ResponseWriter, r *http.Request) { io.Copy(w, source(10_000)); w.WriteHeader(500) },
		middleware.Result{Status: 200, Implicit: true, Bytes: 10_000, Superfluous: 1}, middleware.Result{}},
	{"a hint is no status",
		func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(103); w.WriteHeader(404) },
		middleware.Result{Status: 404, HandlerStatus: 404, Interim: []int{103}}, middleware.Result{}},
	{"a hint alone ends as 200",
		func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(103) },
		middleware.Result{Status: 200, Implicit: true, Interim: []int{103}}, middleware.Result{}},
	{"a hint that is late is none",
		func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404); w.WriteHeader(103) },
		middleware.Result{Status: 404, HandlerStatus: 404}, middleware.Result{}},
	{"an invalid code that is late does not panic",
		func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404); w.WriteHeader(0) },
		middleware.Result{Status: 404, HandlerStatus: 404, Superfluous: 1}, middleware.Result{}},
	{"204 has no body",
		func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204); w.Write([]byte("abcd")) },
		middleware.Result{Status: 204, HandlerStatus: 204, WriteErr: http.ErrBodyNotAllowed}, middleware.Result{}},
	{"an invalid code is none: the caller recovers and goes on",
		func(w http.ResponseWriter, r *http.Request) {
			func() {
				defer func() { recover() }()
				w.WriteHeader(0)
			}()
			w.WriteHeader(404)
		},
		middleware.Result{Status: 404, HandlerStatus: 404}, middleware.Result{}},
	{"a 101 that is late is one call too many",
		func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("abc")); w.WriteHeader(101) },
		middleware.Result{Status: 200, Implicit: true, Bytes: 3, Superfluous: 1}, middleware.Result{}},
	{"101 is final, except on HTTP/2",
		func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(101) },
		middleware.Result{Status: 101, HandlerStatus: 101}, middleware.Result{Status: 200, Implicit: true, Interim: []int{101}}},
}

func TestCaptureReportsWhatIsOnTheWire(t *testing.T) {
	for _, row := range captured {
		for _, protocol := range wiretest.Protocols {
			t.Run(protocol+" "+row.why, func(t *testing.T) {
				capture, got := results()
				raw, wrapped := wiretest.Get(t, protocol, row.h), wiretest.Get(t, protocol, capture(row.h))
				want := row.http
				if protocol == "HTTP/2" && row.h2.Status != 0 {
					want = row.h2
				}
				res := <-got
				assert.ErrorIs(t, res.WriteErr, want.WriteErr)
				res.WriteErr = want.WriteErr
				assert.Equal(t, want, res)
				assert.Equal(t, want.Status, wrapped.StatusCode)
				if want.Status != 101 { // the connection is of no use then
					assert.EqualValues(t, want.Bytes, len(wrapped.Text))
				}
				raw.Header.Del("Date")
				wrapped.Header.Del("Date")
				assert.Equal(t, raw.Header, wrapped.Header, "Capture changes nothing")
				assert.Equal(t, raw.StatusCode, wrapped.StatusCode)
			})
		}
	}
}

// A Timeout that is not over changes no result.
func TestTheResultAroundATimeoutIsTheSame(t *testing.T) {
	for _, row := range captured {
		for _, protocol := range wiretest.Protocols {
			bare, without := results()
			timed, with := results()
			a, b := wiretest.Get(t, protocol, bare(row.h)), wiretest.Get(t, protocol, timed(middleware.Timeout(never)(row.h)))
			assert.Equal(t, a.StatusCode, b.StatusCode, "%s %s", protocol, row.why)
			assert.Equal(t, <-without, <-with, "%s %s", protocol, row.why)
		}
	}
}

func TestNormalizeAndResultAgreeOnTheStatus(t *testing.T) {
	for _, row := range captured {
		for _, protocol := range wiretest.Protocols {
			capture, got := results()
			a := wiretest.Get(t, protocol, capture(normalize(row.h)))
			res := <-got
			want := row.http
			if row.http.Status == 101 { // to which protocol?
				want.Status = 500
			}
			want.Bytes, want.WriteErr, res.WriteErr = int64(len(a.Text)), nil, nil
			want.Replaced = want.Status >= 400
			if want.Replaced && assert.NotNil(t, res.Problem, "%s %s", protocol, row.why) {
				assert.Equal(t, want.Status, res.Problem.Status)
				res.Problem = nil
			}
			assert.Equal(t, want.Status, a.StatusCode, "%s %s", protocol, row.why)
			if row.why == "an invalid code is none: the caller recovers and goes on" {
				want.HandlerStatus = 404 // not 0: the handler corrected itself
			}
			assert.Equal(t, want, res, "%s %s", protocol, row.why)
			if want.Replaced {
				a.Problem(t)
			}
		}
	}
}

func TestRecoverHandlesAPanicOfWriteHeader(t *testing.T) {
	for _, code := range []int{0, 1000} {
		for _, protocol := range wiretest.Protocols {
			capture, got := results()
			a := wiretest.Get(t, protocol, capture(middleware.RecoverWith(middleware.RecoverOptions{Logger: quiet})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(code)
			}))))
			a.Problem(t)
			assert.Equal(t, 500, a.StatusCode)
			assert.Equal(t, 500, (<-got).Status, "and not the 200 that a wrapper has noted before the call")
		}
	}
}

func TestCaptureCountsNoBodyForHEAD(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		capture, got := results()
		a := wiretest.Get(t, protocol, capture(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("abcd")) })), wiretest.Method("HEAD"))
		assert.Equal(t, middleware.Result{Status: 200, Implicit: true}, <-got)
		assert.EqualValues(t, 4, a.ContentLength)
	}
}

func TestCaptureSeesPanicsAndDoesNotStopThem(t *testing.T) {
	other := errors.New("other")
	for _, row := range []struct {
		why  string
		h    http.HandlerFunc
		want middleware.Result
	}{
		{"before anything: nothing is sent", func(w http.ResponseWriter, r *http.Request) { panic(other) }, middleware.Result{Aborted: true, Panic: other}},
		{"on purpose", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, middleware.Result{Aborted: true}},
		{"with bytes that were not flushed", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("abc")); panic(other) }, middleware.Result{Status: 200, Implicit: true, Bytes: 3, Aborted: true, Panic: other}},
		{"midway", func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte("abc"))
			w.(http.Flusher).Flush()
			panic(other)
		}, middleware.Result{Status: 200, Implicit: true, Bytes: 3, Aborted: true, Panic: other}},
	} {
		for _, protocol := range wiretest.Protocols {
			capture, got := results()
			a := wiretest.Get(t, protocol, capture(row.h))
			assert.Error(t, a.Err, row.why)
			assert.Equal(t, row.want, <-got, row.why)
		}
	}
}

func TestCaptureWaitsForTheFinalResponse(t *testing.T) {
	other := errors.New("other")
	for _, row := range []struct {
		why  string
		h    http.HandlerFunc
		want middleware.Result
	}{
		{"a problem in place of text", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "x", 404) }, middleware.Result{Status: 404, HandlerStatus: 404, Replaced: true}},
		{"another status", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(999) }, middleware.Result{Status: 500, HandlerStatus: 999, Replaced: true}},
		{"a panic", func(w http.ResponseWriter, r *http.Request) { panic(other) }, middleware.Result{Status: 500, Replaced: true, Aborted: false, Panic: other}},
		{"a success is known at once", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x") }, middleware.Result{Status: 200, Implicit: true}},
	} {
		inner, in := results()
		outer, out := results()
		a := wiretest.Get(t, "HTTP/1.1", outer(normalize(inner(row.h))))
		require.NoError(t, a.Err)
		row.want.Bytes = int64(len(a.Text))
		outside := <-out
		if row.want.Replaced && assert.NotNil(t, outside.Problem, row.why) {
			row.want.Problem = outside.Problem
			assert.Equal(t, row.want.Status, outside.Problem.Status)
		}
		assert.Equal(t, row.want, outside, row.why)
		assert.Equal(t, row.want, <-in, row.why)
	}
}

// A handler that sets a code which cannot be sent and then fails has corrected
// itself, as one has that sets another code.
func TestAnErrorTakesThePlaceOfAnInvalidCode(t *testing.T) {
	for _, code := range []int{0, 42, 600, 999, 1000} {
		capture, got := results()
		a := wiretest.Get(t, "HTTP/1.1", normalize(capture(respond.Handler(func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(code)
			return problem.New(409)
		}))))
		assert.Equal(t, 409, a.StatusCode, code)
		res := <-got
		assert.Equal(t, 409, res.Status, code)
		assert.Equal(t, 409, res.HandlerStatus, code)
		require.NotNil(t, res.Problem, code)
		assert.Equal(t, 409, res.Problem.Status, code)
		assert.False(t, res.Replaced, code)
	}
}

func TestCaptureMeasuresTheHandler(t *testing.T) {
	done := make(chan time.Duration, 1)
	wiretest.Get(t, "HTTP/1.1", middleware.Capture(func(_ *http.Request, res middleware.Result) { done <- res.Duration })(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})))
	took := <-done
	assert.Positive(t, took)
	assert.Less(t, took, 10*time.Second)
}

func TestCapturePanicsWithoutAFunction(t *testing.T) {
	assert.Panics(t, func() { middleware.Capture(nil) })
}

// For CONNECT a ServeMux that redirects to a path with a slash takes that path
// for the pattern.
func TestCaptureMistakesNoPathForARoute(t *testing.T) {
	var routes []string
	mux := http.NewServeMux()
	mux.HandleFunc("/a/{x}/", func(http.ResponseWriter, *http.Request) {})
	h := middleware.Chain(
		middleware.Capture(func(_ *http.Request, res middleware.Result) { routes = append(routes, res.Route) }),
		middleware.RequestID,
	)(mux)
	srv := wiretest.Start(t, "HTTP/1.1", h)
	for _, target := range []string{"/a/made-up", "/a/made-up/b"} {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		require.NoError(t, err)
		fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", target)
		_, err = io.Copy(io.Discard, conn)
		require.NoError(t, err)
		conn.Close()
	}
	srv.Close()
	assert.Equal(t, []string{"", "/a/{x}/"}, routes)
}

func TestEveryLayerReportsThatTheClientLeft(t *testing.T) {
	for _, proto := range wiretest.Protocols {
		outer, first := results()
		inner, second := results()
		entered := make(chan struct{})
		h := middleware.Chain(outer, inner)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(entered)
			<-r.Context().Done()
			w.WriteHeader(503)
		}))
		srv := wiretest.Start(t, proto, h)
		wiretest.Leave(t, srv, entered)
		assert.True(t, (<-first).ClientGone, "%s: outside", proto)
		assert.True(t, (<-second).ClientGone, "%s: inside", proto)
		srv.Close()
	}
}
