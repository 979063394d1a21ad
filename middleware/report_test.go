package middleware_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/stretchr/testify/assert"
)

func TestNormalizeLogsWithheldText(t *testing.T) {
	ids := middleware.RequestIDOptions{New: func(*http.Request) string { return "id1" }}
	for _, row := range []struct {
		why  string
		h    http.HandlerFunc
		want string // "" for no record
	}{
		{"nothing to report: a success", ok, ""},
		{"nor of an error that says all", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no such order", 404) }, ""},
		{"nor of a canned one", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "Internal Server Error", 500) }, ""},
		{"the text of a 5xx", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "pq: no connection", 500) },
			`level=WARN msg="middleware: response normalized" method=GET path=/x request_id=id1 status=500 withheld="pq: no connection"`},
		{"text that is none", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "a\x00\xff", 400) },
			`level=WARN msg="middleware: response normalized" method=GET path=/x request_id=id1 status=400 withheld="a �"`},
		{"a code that is none", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(1000) },
			`level=ERROR msg="middleware: response normalized" method=GET path=/x request_id=id1 status=500 handler_status=1000 invalid="`},
		{"a write after the end", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "x", 403); io.WriteString(w, "secret") },
			`level=WARN msg="middleware: response normalized" method=GET path=/x request_id=id1 status=403 dropped=6`},
		{"a call too many", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200); w.WriteHeader(500) },
			`level=WARN msg="middleware: response normalized" method=GET path=/x request_id=id1 status=200 superfluous="500 by `},
		{"a field that is missing", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(401) },
			`level=WARN msg="middleware: response normalized" method=GET path=/x request_id=id1 status=401 missing=Www-Authenticate`},
	} {
		log, text := wiretest.NewLogger()
		srv := wiretest.Start(t, "HTTP/1.1", middleware.RequestIDWith(ids)(middleware.NormalizeWith(middleware.NormalizeOptions{Logger: log})(row.h)))
		wiretest.Send(t, srv)
		srv.Close()
		if row.want == "" {
			assert.Empty(t, text.String(), row.why)
			continue
		}
		assert.Truef(t, strings.HasPrefix(text.String(), row.want), "%s: %s", row.why, text)
		assert.Equal(t, 1, strings.Count(text.String(), "\n"), row.why)
	}
}

func TestNormalizeLogsAHabitOnce(t *testing.T) {
	log, text := wiretest.NewLogger()
	srv := wiretest.Start(t, "HTTP/1.1", middleware.NormalizeWith(middleware.NormalizeOptions{Logger: log})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(map[string]int{"/x": 401, "/y": 201}[r.URL.Path])
	})))
	for range 5 {
		wiretest.Send(t, srv)
		wiretest.Send(t, srv, func(r *http.Request) { r.URL.Path = "/y" })
	}
	srv.Close()
	assert.Equal(t, 2, strings.Count(text.String(), "\n"), text)
}

func TestNormalizeBoundsRememberedHabits(t *testing.T) {
	log, text := wiretest.NewLogger()
	mux := http.NewServeMux()
	for i := range 300 {
		mux.HandleFunc(fmt.Sprintf("/%d", i), func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(401) })
	}
	h := middleware.NormalizeWith(middleware.NormalizeOptions{Logger: log})(mux)
	for i := range 300 {
		rec, r := recorder()
		r.URL.Path = fmt.Sprintf("/%d", i)
		h.ServeHTTP(rec, r)
	}
	assert.Equal(t, 256, strings.Count(text.String(), "\n"))
}

func TestReportIsCalledEveryTime(t *testing.T) {
	n, c := reports(middleware.NormalizeOptions{})
	srv := wiretest.Start(t, "HTTP/1.1", middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(401) })))
	for range 3 {
		wiretest.Send(t, srv)
	}
	srv.Close()
	assert.Len(t, c, 3)
}

func TestNestedNormalizersReportOnce(t *testing.T) {
	n, c := reports(middleware.NormalizeOptions{})
	srv := wiretest.Start(t, "HTTP/1.1", middleware.NormalizeWith(n)(middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "pq", 500) }))))
	a := wiretest.Send(t, srv)
	srv.Close()
	a.Problem(t)
	assert.Len(t, c, 1)
}
