package middleware_test

import (
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/respond"
)

// What a call of a handler does at an unusual time, or with an unusual value.

// tries calls WriteHeader, which may panic.
func tries(w http.ResponseWriter, code int) {
	defer func() { recover() }()
	w.WriteHeader(code)
}

// replaced keeps the response of its handler to itself, and sends a 500.
func replaced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&buffer{ResponseWriter: w}, r)
		w.WriteHeader(500)
	})
}

func TestTheHandlersStatusIsTheFirstItSet(t *testing.T) {
	strict := middleware.Chain(plainWrapper, middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet, Strict: true}))
	for why, row := range map[string]struct {
		wrap         func(http.Handler) http.Handler
		h            http.HandlerFunc
		handler, got int
	}{
		"one that cannot be sent, replaced": {strict, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(1000) }, 1000, 500},
		"one that is not registered":        {strict, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(299) }, 299, 200},
		"one that is corrected":             {middleware.Chain(), func(w http.ResponseWriter, r *http.Request) { tries(w, 1000); w.WriteHeader(404) }, 404, 404},
		"one that is not corrected":         {middleware.Chain(), func(w http.ResponseWriter, r *http.Request) { tries(w, 1000) }, 1000, 200},
		"the largest":                       {middleware.Chain(), func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(999) }, 999, 999},
		"the largest, replaced":             {middleware.Chain(replaced, middleware.Recover), func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(999) }, 999, 500},
	} {
		for _, protocol := range wiretest.Protocols {
			capture, got := results()
			wiretest.Get(t, protocol, capture(row.wrap(row.h)))
			res := <-got
			assert.Equal(t, row.handler, res.HandlerStatus, "%s: %s", protocol, why)
			assert.Equal(t, row.got, res.Status, "%s: %s", protocol, why)
		}
	}
}

// A layer may replace a response that would have been final.
func TestAnUpgradeCountsThoughItIsReplaced(t *testing.T) {
	capture, got := results()
	a := wiretest.Get(t, "HTTP/1.1", capture(replaced(middleware.Recover(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(101)
	})))))
	assert.Equal(t, 500, a.StatusCode)
	res := <-got
	assert.Equal(t, 500, res.Status)
	assert.Equal(t, 101, res.HandlerStatus)
}

func TestAnyInterimCodeIsInterim(t *testing.T) {
	capture, got := results()
	out := wiretest.Raw(t, capture(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(102)
		w.WriteHeader(199)
		w.WriteHeader(204)
	})), wiretest.RawRequest("GET /"))
	assert.Equal(t, []int{102, 199, 204}, wiretest.StatusCodes(out))
	assert.Equal(t, []int{102, 199}, (<-got).Interim)
}

// Layers that share an exchange know all lines of a field that the client has sent.
func TestAcceptMayHaveTwoLines(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		a := wiretest.Get(t, protocol, middleware.Capture(nothing)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			respond.Error(w, 404)
		})), func(r *http.Request) { r.Header["Accept"] = []string{"text/html;q=0.5", "application/xml"} })
		assert.Contains(t, a.Header.Get("Content-Type"), "xml", protocol)
	}
}

// What is sent in place of a body that a status forbids reaches no layer outside, such
// as one that buffers and would send it.
func TestNoBodyLeavesWithAStatusThatForbidsOne(t *testing.T) {
	for _, code := range []int{204, 205, 304} {
		rec, r := recorder()
		normalizeQuietly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(code)
			_, err := io.WriteString(w, "abc")
			assert.ErrorIs(t, err, http.ErrBodyNotAllowed)
		})).ServeHTTP(rec, r)
		assert.Empty(t, rec.Body.String(), "%d", code)
	}
}

// brokenCopy is a base that fails to copy.
type brokenCopy struct{ fullWriter }

func (*brokenCopy) ReadFrom(io.Reader) (int64, error) { return 0, errBroken }

func TestACopyThatFailsIsReported(t *testing.T) {
	for _, begun := range []bool{false, true} {
		capture, got := results()
		_, r := recorder()
		capture(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if begun {
				w.WriteHeader(200)
			}
			_, err := io.Copy(w, source(10))
			assert.ErrorIs(t, err, errBroken)
		})).ServeHTTP(&brokenCopy{fullWriter{http.Header{}}}, r)
		assert.Equal(t, begun, errors.Is((<-got).WriteErr, errBroken), "as of a source that fails, a copy that sends nothing begins nothing")
	}
}

// A handler that takes over the connection cannot do so twice, and what it calls
// then is logged as net/http does.
func TestCallsAfterAHijack(t *testing.T) {
	hijack := func(t *testing.T, w http.ResponseWriter) {
		conn, _, err := http.NewResponseController(w).Hijack()
		require.NoError(t, err)
		io.WriteString(conn, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
		conn.Close()
	}
	calls := map[string]func(http.ResponseWriter){
		"Flush":              func(w http.ResponseWriter) { hijack(t, w); w.(http.Flusher).Flush() },
		"a status, Flush":    func(w http.ResponseWriter) { w.WriteHeader(202); hijack(t, w); w.(http.Flusher).Flush() },
		"a write, Flush":     func(w http.ResponseWriter) { io.WriteString(w, "a"); hijack(t, w); w.(http.Flusher).Flush() },
		"WriteHeader":        func(w http.ResponseWriter) { hijack(t, w); w.WriteHeader(500) },
		"WriteHeader, twice": func(w http.ResponseWriter) { hijack(t, w); w.WriteHeader(500); w.WriteHeader(500) },
		"Hijack": func(w http.ResponseWriter) {
			hijack(t, w)
			conn, _, err := http.NewResponseController(w).Hijack()
			assert.ErrorIs(t, err, http.ErrHijacked)
			assert.Nil(t, conn)
		},
	}
	for why, call := range calls {
		logged := map[string]int{}
		for _, l := range []layer{stacks()[0], {"Capture", middleware.Capture(nothing)}, {"Normalize", normalizeQuietly}} {
			var text wiretest.Log
			ended := make(chan struct{})
			srv := wiretest.StartLogging(t, "HTTP/1.1", l.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(ended)
				call(w)
			})), &text)
			wiretest.Send(t, srv)
			<-ended // a server does not wait for it
			logged[l.name] = strings.Count(text.String(), "on hijacked connection")
		}
		assert.Equal(t, logged["net/http"], logged["Capture"], why)
		assert.Equal(t, logged["net/http"], logged["Normalize"], why)
	}
}

// The status of a connection that is taken over is the same inside Normalize, also
// for a CONNECT, whose response is held from the beginning.
func TestAHijackHasTheSameStatusInNormalize(t *testing.T) {
	for _, method := range []string{"GET /", "CONNECT a:1"} {
		for _, wrap := range []func(http.Handler) http.Handler{middleware.Chain(), normalizeQuietly} {
			capture, got := results()
			wiretest.Raw(t, capture(wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if conn, _, err := http.NewResponseController(w).Hijack(); assert.NoError(t, err) {
					io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
					conn.Close()
				}
			}))), wiretest.RawRequest(method))
			res := <-got
			assert.Equal(t, 101, res.Status, method)
			assert.True(t, res.Hijacked && res.Implicit, method)
		}
	}
}

func TestASuperfluousCallIsLoggedOnce(t *testing.T) {
	twice := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204); w.WriteHeader(500) })
	var others strings.Builder
	log.SetOutput(&others)
	defer log.SetOutput(os.Stderr)
	for _, row := range []struct {
		why, protocol string
		wrap          func(http.Handler) http.Handler
		want          int
	}{
		{"Capture", "HTTP/1.1", middleware.Capture(nothing), 1},
		{"Capture, as net/http", "HTTP/2", middleware.Capture(nothing), 0},
		{"Normalize, which reports it", "HTTP/1.1", normalizeQuietly, 0},
		{"Normalize", "HTTP/2", normalizeQuietly, 0},
	} {
		var text wiretest.Log
		srv := wiretest.StartLogging(t, row.protocol, row.wrap(twice), &text)
		wiretest.Send(t, srv)
		srv.Close()
		assert.Equal(t, row.want, strings.Count(text.String(), "http: superfluous"), "%s: %s", row.protocol, row.why)
	}
	assert.Empty(t, others.String())

	rec, r := recorder() // of no server
	middleware.Capture(nothing)(twice).ServeHTTP(rec, r)
	srv := wiretest.StartLogging(t, "HTTP/1.1", middleware.Capture(nothing)(twice), io.Discard)
	srv.Config.ErrorLog = nil
	wiretest.Send(t, srv)
	srv.Close()
	assert.Equal(t, 2, strings.Count(others.String(), "http: superfluous"), "in the log of package log")
}
