package middleware_test

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/stretchr/testify/assert"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// reports returns settings whose reports go to a channel.
func reports(n middleware.NormalizeOptions) (middleware.NormalizeOptions, chan middleware.Report) {
	c := make(chan middleware.Report, 64)
	n.Report = func(_ *http.Request, rep middleware.Report) { c <- rep }
	return n, c
}

// reported returns the report of a request that is over, or nil.
func reported(c chan middleware.Report) *middleware.Report {
	select {
	case rep := <-c:
		return &rep
	default:
		return nil
	}
}

// required has the header fields that a status requires and only the handler knows.
var required = map[int][]string{
	201: {"Location"}, 301: {"Location"}, 302: {"Location"}, 303: {"Location"}, 307: {"Location"}, 308: {"Location"}, // RFC 9110, 15.3.2 and 15.4
	206: {"Content-Range"},      // RFC 9110, 15.3.7
	226: {"Etag", "Im"},         // RFC 3229, 10.4.1
	401: {"Www-Authenticate"},   // RFC 9110, 15.5.2
	405: {"Allow"},              // RFC 9110, 15.5.6
	407: {"Proxy-Authenticate"}, // RFC 9110, 15.5.8
	416: {"Content-Range"},      // RFC 9110, 15.5.17
	426: {"Upgrade"},            // RFC 9110, 15.5.22
	451: {"Link"},               // RFC 7725, 4
}

// outOfPlace are the codes that a handler of an origin server should not send.
var outOfPlace = []int{208, 305, 306, 425, 511}

// neverStored must not be kept by a cache (RFC 6585, 3 to 6).
var neverStored = []int{428, 429, 431, 511}

func TestNormalizeMeetsWhatEachStatusRequires(t *testing.T) {
	for s := range status.All() {
		if s.Class() == status.Informational {
			continue // not a final response; see the tests of interim codes
		}
		for _, protocol := range wiretest.Protocols {
			for _, m := range []string{"GET", "HEAD", "POST"} {
				t.Run(fmt.Sprintf("%s %s %d", protocol, m, s.Code), func(t *testing.T) {
					n, c := reports(middleware.NormalizeOptions{})
					srv := wiretest.Start(t, protocol, middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						w.Header().Set("Content-Length", "3") // of a body that never comes
						w.WriteHeader(s.Code)
					})))
					a := wiretest.Send(t, srv, wiretest.Method(m))
					srv.Close()
					rep := reported(c)
					assert.Equal(t, s.Code, a.StatusCode)
					assert.NotEmpty(t, a.Header.Get("Date"), "RFC 9110, 6.6.1")
					checkBody(t, s, m, a)
					checkStorage(t, s.Code, a)

					want := required[s.Code]
					if protocol == "HTTP/2" && s.Code == 426 {
						want = nil // RFC 9113, 8.2.2: there is no such field
					}
					var missing []string
					if rep != nil {
						missing = rep.Missing
					}
					assert.Equal(t, want, missing, "what is missing is reported, and not invented")
					for _, field := range want {
						assert.Empty(t, a.Header.Get(field))
					}
					if slices.Contains(outOfPlace, s.Code) {
						assert.Contains(t, rep.Misused, strconv.Itoa(s.Code))
					}
				})
			}
		}
	}
}

func checkBody(t *testing.T, s status.Info, m string, a wiretest.Response) {
	t.Helper()
	switch {
	case status.BodyForbidden(s.Code):
		assert.NoError(t, a.Err)
		assert.Empty(t, a.Text)
		assert.Empty(t, a.Header.Get("Content-Type"))
		assert.Empty(t, a.Header.Get("Transfer-Encoding"))
		if s.Code == 205 {
			assert.Equal(t, "0", a.Header.Get("Content-Length"), "RFC 9110, 15.3.6")
		} else {
			assert.Empty(t, a.Header.Get("Content-Length"), "RFC 9110, 8.6")
		}
	case s.Code < 400:
		// The length is the handler's mistake, and was reported; nothing is
		// made up for a success.
	case m == "HEAD":
		assert.NoError(t, a.Err)
		assert.Empty(t, a.Text)
		assert.Equal(t, problem.MediaType, a.Header.Get("Content-Type"))
		body, _ := problem.New(s.Code).AppendJSON(nil)
		assert.EqualValues(t, len(body), a.ContentLength, "as GET would have: RFC 9110, 8.6")
	default:
		doc := a.Problem(t)
		assert.Equal(t, s.Reason, doc["title"])
		assert.Equal(t, s.Description, doc["detail"])
		assert.EqualValues(t, len(a.Text), a.ContentLength)
	}
}

func checkStorage(t *testing.T, code int, a wiretest.Response) {
	t.Helper()
	if slices.Contains(neverStored, code) || code >= 400 {
		assert.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	}
}

func TestNormalizeForbidsStoringATypedError(t *testing.T) {
	for s := range status.All() {
		if s.Code < 400 {
			continue
		}
		a := wiretest.Get(t, "HTTP/1.1", normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "max-age=60")
			w.WriteHeader(s.Code)
			w.Write([]byte("{}"))
		})))
		want := "max-age=60" // the handler's own decision
		if slices.Contains(neverStored, s.Code) {
			want = "no-store"
		}
		assert.Equal(t, want, a.Header.Get("Cache-Control"), "%d", s.Code)
		assert.Equal(t, "{}", a.Text)
	}
}

func TestNormalizeAddsFieldsOfItsSettings(t *testing.T) {
	n, c := reports(middleware.NormalizeOptions{
		Challenges: []string{`Bearer realm="orders"`, `Basic realm="orders"`},
		Upgrade:    []string{"h2c", "websocket"},
		RetryAfter: 1_500_000_000,
		Fill: func(r *http.Request, code int, h http.Header) {
			switch code {
			case 405:
				h.Set("Allow", "GET")
			case 407:
				h.Set("Proxy-Authenticate", "Basic")
			case 451:
				h.Set("Link", `<https://example.com/order>; rel="blocked-by"`)
			}
		},
	})
	for _, own := range []bool{false, true} { // a body of its own makes no difference
		srv := wiretest.Start(t, "HTTP/1.1", middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			code, _ := strconv.Atoi(r.URL.Query().Get("code"))
			if own {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(code)
				w.Write([]byte("{}"))
				return
			}
			w.WriteHeader(code)
		})))
		for _, row := range []struct {
			code  int
			field string
			want  []string
		}{
			{401, "Www-Authenticate", []string{`Bearer realm="orders"`, `Basic realm="orders"`}},
			{405, "Allow", []string{"GET"}},
			{407, "Proxy-Authenticate", []string{"Basic"}},
			{426, "Upgrade", []string{"h2c, websocket"}},
			{426, "Connection", []string{"Upgrade"}},
			{429, "Retry-After", []string{"2"}},
			{451, "Link", []string{`<https://example.com/order>; rel="blocked-by"`}},
			{503, "Retry-After", []string{"2"}},
			{404, "Retry-After", nil},
		} {
			a := wiretest.Send(t, srv, func(r *http.Request) { r.URL.RawQuery = "code=" + strconv.Itoa(row.code) })
			assert.Equal(t, row.want, a.Header[row.field], "%d", row.code)
			assert.Equal(t, row.code, a.StatusCode)
		}
		srv.Close()
	}
	assert.Nil(t, reported(c), "nothing is missing")
}

func TestNormalizeKeepsFieldsOfTheHandler(t *testing.T) {
	a := wiretest.Get(t, "HTTP/1.1", middleware.NormalizeWith(middleware.NormalizeOptions{Challenges: []string{"Basic"}, RetryAfter: 9e9})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "expired", 401)
	})))
	assert.Equal(t, []string{"Bearer"}, a.Header["Www-Authenticate"])
}

func TestNormalizeSends500ForAnInvalidCode(t *testing.T) {
	for _, code := range []int{-1, 0, 1, 42, 99, 600, 700, 999, 1000, math.MaxInt32} {
		for _, protocol := range wiretest.Protocols {
			n, c := reports(middleware.NormalizeOptions{})
			srv := wiretest.Start(t, protocol, middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/problem+json")
				w.WriteHeader(code)
				fmt.Fprintf(w, `{"status":%d}`, code)
			})))
			a := wiretest.Send(t, srv)
			srv.Close()
			a.Problem(t) // its status member equals the code: RFC 9457, 3.1.2
			assert.Equal(t, 500, a.StatusCode)
			rep := reported(c)
			if assert.NotNil(t, rep) {
				assert.Equal(t, 500, rep.Status)
				assert.Equal(t, code, rep.HandlerStatus)
				assert.Equal(t, code, rep.Invalid.Code)
				assert.Equal(t, "normalize_status_test.go", rep.Invalid.File)
				assert.Contains(t, rep.Invalid.Function, "TestNormalizeSends500ForAnInvalidCode")
				assert.Equal(t, fmt.Sprintf(`{"status":%d}`, code), rep.Withheld)
			}
		}
	}
}

func TestNormalizeKeepsAnUnknownCodeUnlessStrict(t *testing.T) {
	for _, row := range []struct {
		code, strict int
		title        string
	}{
		{299, 200, ""}, {399, 300, ""},
		{419, 400, "Bad Request"}, {499, 400, "Bad Request"},
		{520, 500, "Internal Server Error"}, {599, 500, "Internal Server Error"},
		{404, 404, "Not Found"}, {418, 418, "I'm a teapot"},
	} {
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(row.code) })
		for _, strict := range []bool{false, true} {
			n, c := reports(middleware.NormalizeOptions{Strict: strict})
			srv := wiretest.Start(t, "HTTP/1.1", middleware.NormalizeWith(n)(h))
			a := wiretest.Send(t, srv)
			srv.Close()
			want := row.code
			if strict {
				want = row.strict
			}
			assert.Equal(t, want, a.StatusCode)
			if row.title != "" {
				assert.Equal(t, row.title, a.Problem(t)["title"])
			}
			assert.Equal(t, want != row.code, reported(c) != nil, "%d: a change is reported", row.code)
		}
	}
}

func TestNormalizeReplacesTheCodesOfTheSettings(t *testing.T) {
	n := middleware.NormalizeOptions{Codes: map[int]int{600: 502, 499: 400}, Logger: quiet}
	for code, want := range map[int]int{600: 502, 499: 400, 601: 500, 404: 404} {
		a := wiretest.Get(t, "HTTP/1.1", middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "xyzzy", code) })))
		assert.Equal(t, want, a.StatusCode)
		a.Problem(t)
		assert.Equal(t, want == code, strings.Contains(a.Text, "xyzzy"), "text for another code is not sent")
	}
}

func TestNormalizeWithPanicsIfASettingIsInvalid(t *testing.T) {
	for want, n := range map[string]middleware.NormalizeOptions{
		"middleware: NormalizeOptions.Codes: 99 (for 404) is not a final status code":  {Codes: map[int]int{404: 99}},
		"middleware: NormalizeOptions.Codes: 103 (for 404) is not a final status code": {Codes: map[int]int{404: 103}},
		"middleware: NormalizeOptions.Codes: 600 (for 0) is not a final status code":   {Codes: map[int]int{0: 600}},
		"middleware: NormalizeOptions.Codes: 200 is not an error":                      {Codes: map[int]int{200: 500}},
		"middleware: NormalizeOptions.MaxText: -1 is negative":                         {MaxText: -1},
		"middleware: NormalizeOptions.RetryAfter: -1ns is negative":                    {RetryAfter: -1},
	} {
		assert.PanicsWithValue(t, want, func() { middleware.NormalizeWith(n)(http.NotFoundHandler()) })
	}
}

func TestNormalizeUsesTheDocumentedReason(t *testing.T) {
	for code, title := range map[int]string{413: "Payload Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 418: "I'm a teapot", 422: "Unprocessable Entity"} {
		a := wiretest.Get(t, "HTTP/1.1", normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, http.StatusText(code), code) })))
		doc := a.Problem(t)
		assert.Equal(t, title, doc["title"])
		assert.Equal(t, status.Nearest(code).Description, doc["detail"], "net/http's phrase is no detail")
	}
}

func TestNormalizeDropsABodyTheStatusForbids(t *testing.T) {
	for _, code := range []int{204, 205, 304} {
		for _, protocol := range wiretest.Protocols {
			var werr error
			capture, got := results()
			a := wiretest.Get(t, protocol, capture(normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				h := w.Header()
				h.Set("Content-Type", "text/plain")
				h.Set("Content-Language", "en")
				h.Set("Content-Length", "4")
				h.Set("ETag", `"1"`)
				w.WriteHeader(code)
				_, werr = w.Write([]byte("abcd"))
			}))))
			assert.NoError(t, a.Err, "%s %d", protocol, code)
			assert.Equal(t, code, a.StatusCode)
			assert.Empty(t, a.Text)
			assert.ErrorIs(t, werr, http.ErrBodyNotAllowed)
			assert.EqualValues(t, 0, (<-got).Bytes)
			assert.Equal(t, `"1"`, a.Header.Get("ETag"))
			if code == 304 {
				assert.Empty(t, a.Header.Get("Content-Type"))
				assert.Empty(t, a.Header.Get("Content-Language"))
			}
			if code == 205 {
				assert.Equal(t, "0", a.Header.Get("Content-Length"))
			} else {
				assert.Empty(t, a.Header.Get("Content-Length"))
			}
		}
	}
}

func descriptionOf(code int) string { return status.Nearest(code).Description }
