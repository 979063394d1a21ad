package middleware_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
)

func TestMaxBytesLimitsTheBody(t *testing.T) {
	reached := false
	h := middleware.MaxBytes(5)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached = true
		body, err := io.ReadAll(r.Body)
		if err != nil {
			respond.Fail(w, r, err)
			return
		}
		w.Write(body)
	}))
	for _, row := range []struct {
		why, fields, body string
		want              int
		reaches, closes   bool
	}{
		{"none", "Connection: close", "", 200, true, true},
		{"as much as allowed", "Connection: close\r\nContent-Length: 5", "hello", 200, true, true},
		{"more, as declared: it is not read", "Content-Length: 6", "hello!", 413, false, true},
		{"more, undeclared", "Transfer-Encoding: chunked", "6\r\nhello!\r\n0\r\n\r\n", 413, true, true},
		{"far more, declared, and the client waits", "Expect: 100-continue\r\nContent-Length: 600000000", "", 413, false, true},
	} {
		reached = false
		got := wiretest.Raw(t, h, "POST / HTTP/1.1\r\nHost: a\r\n"+row.fields+"\r\n\r\n"+row.body)
		assert.Equal(t, []int{row.want}, wiretest.StatusCodes(got), row.why)
		assert.Equal(t, row.reaches, reached, row.why)
		assert.Equal(t, row.closes, strings.Contains(got, "Connection: close"), row.why)
		if row.want == 413 {
			assert.Contains(t, got, "application/problem+json", row.why)
		}
	}
}

func TestMaxBytesOnHTTP2FailsTheRequestAlone(t *testing.T) {
	srv := wiretest.Start(t, "HTTP/2", middleware.MaxBytes(5)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})))
	for range 2 {
		a := wiretest.Send(t, srv, func(r *http.Request) {
			r.Method, r.ContentLength, r.Body = "POST", 6, io.NopCloser(strings.NewReader("hello!"))
		})
		assert.Equal(t, "The body is 6 bytes long. At most 5 are accepted.", a.Problem(t)["detail"])
		assert.Equal(t, 413, a.StatusCode)
	}
}

func TestMaxBytesOfZeroAcceptsNoBody(t *testing.T) {
	h := middleware.MaxBytes(0)(http.HandlerFunc(ok))
	assert.Equal(t, 200, wiretest.Get(t, "HTTP/1.1", h).StatusCode)
	assert.PanicsWithValue(t, "middleware: MaxBytes: -1 is negative", func() { middleware.MaxBytes(-1) })
}
