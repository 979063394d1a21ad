package middleware_test

import (
	"bufio"
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The Connection field of a response, on the wire.

// headerOf returns the header of the first response in wire.
func headerOf(t testing.TB, wire string) http.Header {
	t.Helper()
	r := textproto.NewReader(bufio.NewReader(strings.NewReader(wire)))
	_, err := r.ReadLine()
	require.NoError(t, err, wire)
	h, err := r.ReadMIMEHeader()
	require.NoError(t, err, wire)
	return http.Header(h)
}

// connectionOf returns the options of Connection in lower case, sorted.
func connectionOf(h http.Header) []string {
	options := strings.Split(strings.ToLower(strings.Join(h["Connection"], ",")), ",")
	for i := range options {
		options[i] = strings.TrimSpace(options[i])
	}
	slices.Sort(options)
	return options
}

func TestNormalizeListsUpgradeInConnection(t *testing.T) {
	handlers := map[string]http.Handler{
		"the settings": middleware.NormalizeWith(middleware.NormalizeOptions{Upgrade: []string{"h2c"}})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(426) })),
		"the handler, which forgot Connection": normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Upgrade", "h2c")
			http.Error(w, "x", 426)
		})),
		"the handler, with a type": normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Upgrade", "h2c")
			w.Header().Set("Connection", "upgrade")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(426)
			io.WriteString(w, "{}")
		})),
		"package respond": normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			respond.Error(w, 426, problem.Upgrade("h2c"))
		})),
	}
	for who, h := range handlers {
		for _, row := range []struct {
			why, request string
			want         []string
		}{
			{"the client closes", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", []string{"close", "upgrade"}},
			{"a body that the handler does not read", "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n", []string{"close", "upgrade"}},
			{"an old client", "GET / HTTP/1.0\r\n\r\n", []string{"close", "upgrade"}},
			// Here the second request ends the connection, so that the test ends.
			{"it goes on", "GET / HTTP/1.1\r\nHost: a\r\n\r\n" + wiretest.RawRequest("GET /"), []string{"upgrade"}},
			{"an old client that goes on", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + wiretest.RawRequest("GET /"), []string{"keep-alive", "upgrade"}},
		} {
			got := headerOf(t, wiretest.Raw(t, h, row.request))
			assert.Equal(t, []string{"h2c"}, got["Upgrade"], "%s: %s", who, row.why)
			assert.Equal(t, row.want, connectionOf(got), "%s: %s", who, row.why)
		}
	}
}

func TestAHandlerThatClosesWith426StillCloses(t *testing.T) {
	h := normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Upgrade", "h2c")
		w.Header().Set("Connection", "close, X-Own")
		http.Error(w, "x", 426)
	}))
	for _, request := range []string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"} {
		got := wiretest.Raw(t, h, request+request)
		assert.Equal(t, []int{426}, wiretest.StatusCodes(got), "the second request gets no response: %q", request)
		assert.Equal(t, []string{"close", "upgrade", "x-own"}, connectionOf(headerOf(t, got)), request)
	}
}

func TestNormalizeDropsTheTypeOfAnEmptyHTTPError(t *testing.T) {
	for _, code := range []int{204, 205, 304} {
		for _, protocol := range wiretest.Protocols {
			a := wiretest.Get(t, protocol, normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "gone", code) })))
			assert.NoError(t, a.Err)
			assert.Equal(t, code, a.StatusCode)
			assert.Empty(t, a.Text)
			assert.NotContains(t, a.Header, "Content-Type", "%s %d", protocol, code)
		}
	}
	a := wiretest.Get(t, "HTTP/1.1", normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/markdown")
		w.WriteHeader(204)
	})))
	assert.Equal(t, "text/markdown", a.Header.Get("Content-Type"), "that of the resource: RFC 9110, 15.3.5")
}

func TestAnInvalidLengthDoesNotHarmTheBody(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		for _, declared := range []string{"abc", "-5", "5, 5", "", " ", "99999999999999999999"} {
			for why, h := range map[string]http.HandlerFunc{
				"a success":         func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") },
				"a replaced error":  func(w http.ResponseWriter, r *http.Request) { http.Error(w, "x", 404) },
				"an empty error":    func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) },
				"JSON as an error":  func(w http.ResponseWriter, r *http.Request) { http.Error(w, `{"a":1}`, 400) },
				"an error as it is": explicitError,
			} {
				a := wiretest.Get(t, protocol, normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Length", declared)
					h(w, r)
				})))
				assert.NoError(t, a.Err, "%q %s", declared, why)
				assert.NotEmpty(t, a.Text, "%q %s", declared, why)
				if why == "a success" {
					assert.Equal(t, "hello", a.Text)
				}
			}
		}
	}
}

func explicitError(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(400)
	io.WriteString(w, "{}")
}

// A wrong length cannot be corrected once the header is sent. The response must not
// look complete then, nor become part of the next one. A problem in its place has a
// length of its own.
func TestAWrongLengthFailsForTheClient(t *testing.T) {
	write := func(declared, body string) http.Handler {
		return normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", declared)
			io.WriteString(w, body)
		}))
	}
	for _, protocol := range wiretest.Protocols {
		a := wiretest.Get(t, protocol, write("1000", "hello"))
		assert.ErrorIs(t, a.Err, io.ErrUnexpectedEOF, "%s: too long", protocol)
		assert.Equal(t, "hello", a.Text)
	}
	twice := "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"
	got := wiretest.Raw(t, write("3", "longer"), twice)
	assert.Equal(t, []int{200}, wiretest.StatusCodes(got), "too short: the connection ends")
	assert.True(t, strings.HasSuffix(got, "\r\n\r\n"), "and nothing is taken for a body: %q", got)
	assert.LessOrEqual(t, len(wiretest.Get(t, "HTTP/2", write("3", "longer")).Text), 3)

	for _, declared := range []string{"1000", "3"} {
		for _, protocol := range wiretest.Protocols {
			a := wiretest.Get(t, protocol, normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", declared)
				w.WriteHeader(404)
				io.WriteString(w, "no such order")
			})))
			assert.Equal(t, "no such order", a.Problem(t)["detail"])
			assert.EqualValues(t, len(a.Text), a.ContentLength)
		}
	}
}

// net/http itself logs what it removes from HTTP/1. The rest is reported.
func TestNormalizeReportsAnInvalidLength(t *testing.T) {
	for _, row := range []struct {
		why, protocol string
		declared      []string
		want          string
	}{
		{"sent, and Go's client refuses it", "HTTP/1.1", []string{"+5"}, `Content-Length is "+5", which is not a length`},
		{"sent twice", "HTTP/1.1", []string{"5", "6"}, "more than one Content-Length is set"},
		{"not sent", "HTTP/2", []string{"abc"}, `Content-Length is "abc", which is not a length`},
		{"bounded", "HTTP/2", []string{strings.Repeat("x", 1<<10)}, `Content-Length is "` + strings.Repeat("x", 32) + `…", which is not a length`},
	} {
		n, c := reports(middleware.NormalizeOptions{})
		srv := wiretest.Start(t, row.protocol, middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Length"] = row.declared
			io.WriteString(w, "hello")
		})))
		wiretest.Send(t, srv)
		srv.Close()
		if rep := reported(c); assert.NotNil(t, rep, row.why) {
			assert.Equal(t, row.want, rep.Misused, row.why)
		}
	}
	text := new(wiretest.Log)
	srv := wiretest.StartLogging(t, "HTTP/1.1", normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "abc")
		io.WriteString(w, "hello")
	})), text)
	wiretest.Send(t, srv)
	srv.Close()
	assert.Equal(t, "http: invalid Content-Length of \"abc\"\n", text.String())
}

func TestNormalizeRemovesALengthOfChunks(t *testing.T) {
	for why, row := range map[string]struct {
		h       http.HandlerFunc
		chunked bool
	}{
		"a success: the coding counts": {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }, true},
		"a replaced error: the length": {func(w http.ResponseWriter, r *http.Request) { http.Error(w, "x", 404) }, false},
		"no body: neither of the two":  {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }, false},
	} {
		got := wiretest.Raw(t, normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			w.Header().Set("Transfer-Encoding", "chunked")
			row.h(w, r)
		})), wiretest.RawRequest("GET /"))
		h := headerOf(t, got)
		assert.False(t, h.Get("Content-Length") != "" && h.Get("Transfer-Encoding") != "", "%s: never both: RFC 9112, 6.2\n%s", why, got)
		assert.Equal(t, row.chunked, h.Get("Transfer-Encoding") == "chunked", "%s\n%s", why, got)
	}
}

// A client must not be able to add lines to the header through what a function
// of the settings takes over from its request.
func TestSettingsCannotInjectHeaderLines(t *testing.T) {
	evil := "x\r\nSet-Cookie: evil=1\r\n\r\n<script>"
	n := middleware.NormalizeOptions{
		Challenges: []string{"Basic realm=\"" + evil},
		RetryAfter: 1,
		Fill:       func(r *http.Request, code int, h http.Header) { h.Set("X-Filled", evil); h.Set("Evil\r\nName", "1") },
		Detail:     func(*http.Request, int, string) string { return evil },
		Logger:     quiet,
	}
	ids := middleware.RequestIDOptions{New: func(*http.Request) string { return evil }}
	for code, h := range map[int]http.HandlerFunc{
		401: func(w http.ResponseWriter, r *http.Request) { http.Error(w, "who?", 401) },
		403: func(w http.ResponseWriter, r *http.Request) {
			respond.Error(w, 403, problem.Header("X-Own", evil), problem.Instance("/a\r\nb"))
		},
	} {
		for _, protocol := range wiretest.Protocols {
			chain := middleware.RequestIDWith(ids)(middleware.NormalizeWith(n)(h))
			a := wiretest.Get(t, protocol, chain)
			require.NoError(t, a.Err)
			assert.Equal(t, code, a.StatusCode)
			assert.Empty(t, a.Header.Get("Set-Cookie"))
			if code == 403 {
				assert.Equal(t, "x  Set-Cookie: evil=1    <script>", a.Header.Get("X-Own"), "over HTTP/2 net/http would drop it")
			}
			for name, values := range a.Header {
				assert.NotContains(t, name, "Evil")
				assert.NotContains(t, strings.Join(values, ""), "\n")
			}
			a.Problem(t) // the body begins where it should
		}
	}
}
