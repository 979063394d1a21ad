package middleware_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/stretchr/testify/assert"
)

func TestNormalizePassesHints(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		a := wiretest.Get(t, protocol, normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(103)
			w.WriteHeader(102)
			w.WriteHeader(104)
			http.Error(w, "no such order", 404)
		})))
		assert.Equal(t, []int{103, 102, 104}, a.InterimCodes())
		assert.Equal(t, "no such order", a.Problem(t)["detail"])
		assert.Equal(t, "</a.css>; rel=preload", a.Header.Get("Link"))
	}
}

func TestHTTP10GetsNoInterimResponse(t *testing.T) {
	hint := func(code int) http.Handler {
		return normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(code)
			w.WriteHeader(404)
		}))
	}
	for _, row := range []struct {
		why, request string
		code         int
		want         []int
	}{
		{"HTTP/1.0 knows none: RFC 9110, 15.2", "GET / HTTP/1.0\r\n\r\n", 103, []int{404}},
		{"HTTP/1.1 does", wiretest.RawRequest("GET /"), 103, []int{103, 404}},
		{"100 is for those who wait: RFC 9110, 10.1.1", wiretest.RawRequest("GET /"), 100, []int{404}},
		{"these do", wiretest.RawRequest("POST /", "Expect: 100-continue", "Content-Length: 3") + "abc", 100, []int{100, 404}},
	} {
		assert.Equal(t, row.want, wiretest.StatusCodes(wiretest.Raw(t, hint(row.code), row.request)), row.why)
	}
}

func TestAnEarlyRefusalNeedsNoBody(t *testing.T) {
	got := wiretest.Raw(t, normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(413) })),
		"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n")
	assert.Equal(t, []int{413}, wiretest.StatusCodes(got))
	assert.Contains(t, got, "Connection: close\r\n")
}

// The writer of http.TimeoutHandler takes a hint for the final status.
func TestAHintInTimeoutHandlerIsNotTheStatus(t *testing.T) {
	for name, mw := range map[string]func(http.Handler) http.Handler{"Normalize": normalize, "Capture": middleware.Capture(nothing)} {
		a := wiretest.Get(t, "HTTP/1.1", http.TimeoutHandler(mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(103)
			w.WriteHeader(404)
		})), time.Minute, ""))
		assert.Equal(t, 404, a.StatusCode, name)
		assert.Empty(t, a.Interim)
	}
}

func TestALateHintIsIgnored(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		a := wiretest.Get(t, protocol, normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "no such order", 404)
			w.WriteHeader(103)
		})))
		assert.Empty(t, a.Interim)
		assert.Equal(t, "no such order", a.Problem(t)["detail"])
	}
}

func TestAnImpossible101IsA500(t *testing.T) {
	for _, row := range []struct {
		why, protocol, upgrade string
		want                   int
	}{
		{"to which one: RFC 9110, 7.8", "HTTP/1.1", "", 500},
		{"HTTP/2 has none: RFC 9113, 8.6", "HTTP/2", "websocket", 500},
		{"as it should be", "HTTP/1.1", "websocket", 101},
	} {
		n, c := reports(middleware.NormalizeOptions{})
		capture, got := results()
		srv := wiretest.Start(t, row.protocol, capture(middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if row.upgrade != "" {
				w.Header().Set("Upgrade", row.upgrade)
				w.Header().Set("Connection", "Upgrade")
			}
			w.WriteHeader(101)
		}))))
		a := wiretest.Send(t, srv)
		srv.Close()
		assert.Equal(t, row.want, a.StatusCode, row.why)
		res := <-got
		assert.Equal(t, row.want, res.Status, row.why)
		assert.Equal(t, 101, res.HandlerStatus)
		if row.want == 500 {
			a.Problem(t)
			assert.Equal(t, 101, reported(c).Invalid.Code)
		} else {
			assert.Nil(t, reported(c))
		}
	}
}

func TestHTTP10HasNoOtherProtocolToSwitchTo(t *testing.T) {
	got := wiretest.Raw(t, normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Upgrade", "websocket")
		w.WriteHeader(101)
	})), "GET / HTTP/1.0\r\n\r\n")
	assert.Equal(t, []int{500}, wiretest.StatusCodes(got))
}

func TestResultBoundsInterimCodes(t *testing.T) {
	capture, got := results()
	rec := httptest.NewRecorder()
	capture(normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 1000 {
			w.WriteHeader(103)
		}
	}))).ServeHTTP(&interimOnly{rec}, httptest.NewRequest("GET", "/", nil))
	assert.Len(t, (<-got).Interim, 16)
}

// interimOnly is a recorder that does not take a hint for the status.
type interimOnly struct{ *httptest.ResponseRecorder }

func (w *interimOnly) WriteHeader(code int) {
	if code >= 200 {
		w.ResponseRecorder.WriteHeader(code)
	}
}

func TestAProxyMayForwardHintsFromAGoroutine(t *testing.T) {
	upstream := wiretest.Start(t, "HTTP/1.1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(103)
		io.WriteString(w, "hello")
	}))
	capture, got := results()
	a := wiretest.Get(t, "HTTP/1.1", capture(normalize(proxyTo(t, upstream.URL))))
	assert.Equal(t, []int{103}, a.InterimCodes())
	assert.Equal(t, "hello", a.Text)
	res := <-got
	assert.Equal(t, []int{103}, res.Interim)
	assert.Equal(t, 200, res.Status)
	assert.True(t, strings.HasPrefix(a.Proto, "HTTP/1"))
}
