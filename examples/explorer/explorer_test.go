package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// TestMain runs the command itself for the test that starts it as a process.
func TestMain(m *testing.M) {
	if os.Getenv("EXPLORER_AS_COMMAND") != "" {
		main()
		return
	}
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// response is a final response as it was received.
type response struct {
	status int
	header http.Header
	body   string
}

// client sends requests over one protocol.
type client struct {
	name string
	send func(t *testing.T, method, path, body string, header ...string) response
}

// clients returns one for HTTP/1.1, which looks at the raw bytes, and one for
// HTTP/2, each with a server of its own.
func clients(t *testing.T) []client {
	plain := wiretest.Start(t, wiretest.HTTP1, handler())
	encrypted := wiretest.Start(t, wiretest.HTTP2, handler())
	return []client{
		{wiretest.HTTP1, func(t *testing.T, method, path, body string, header ...string) response {
			return sendRaw(t, plain.Listener.Addr().String(), method, path, body, header)
		}},
		{wiretest.HTTP2, func(t *testing.T, method, path, body string, header ...string) response {
			req, err := http.NewRequestWithContext(t.Context(), method, encrypted.URL+path, strings.NewReader(body))
			require.NoError(t, err)
			for i := 0; i < len(header); i += 2 {
				req.Header.Set(header[i], header[i+1])
			}
			res, err := encrypted.Client().Do(req)
			require.NoError(t, err)
			defer res.Body.Close()
			require.Equal(t, 2, res.ProtoMajor)
			b, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			return response{res.StatusCode, res.Header, string(b)}
		}},
	}
}

// sendRaw sends a second request on the same connection: if the framing of the first
// response was wrong, the second cannot be read.
func sendRaw(t *testing.T, addr, method, path, body string, header []string) response {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: explorer\r\n", method, path)
	for i := 0; i < len(header); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", header[i], header[i+1])
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	_, err = io.WriteString(c, b.String()+"\r\n"+body)
	require.NoError(t, err)

	in := bufio.NewReader(c)
	res, got := readFinal(t, in, method)
	if !res.Close {
		_, err = io.WriteString(c, "GET /statuses/404 HTTP/1.1\r\nHost: explorer\r\nConnection: close\r\n\r\n")
		require.NoError(t, err)
		next, nextBody := readFinal(t, in, "GET")
		require.Equal(t, 200, next.StatusCode)
		require.Contains(t, nextBody, "Not Found")
	}
	rest, err := io.ReadAll(in)
	require.NoError(t, err)
	require.Empty(t, rest, "bytes behind the response")
	return response{res.StatusCode, res.Header, got}
}

// readFinal reads responses up to the first that is not interim.
func readFinal(t *testing.T, in *bufio.Reader, method string) (*http.Response, string) {
	t.Helper()
	for {
		res, err := http.ReadResponse(in, &http.Request{Method: method})
		require.NoError(t, err)
		if res.StatusCode < 200 {
			continue
		}
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res, string(body)
	}
}

// document requires that a is a problem document about its own status.
func (a response) document(t *testing.T) map[string]any {
	t.Helper()
	require.Equal(t, problem.MediaType, a.header.Get("Content-Type"), "%+v", a)
	var doc map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.body), &doc), "%+v", a)
	assert.EqualValues(t, a.status, doc["status"])
	assert.NotEmpty(t, doc["title"])
	if assert.NotEmpty(t, doc["type"]); doc["type"] == problem.BlankType {
		assert.NotEmpty(t, doc["detail"])
	}
	assert.Equal(t, strconv.Itoa(len(a.body)), a.header.Get("Content-Length"))
	assert.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
	assert.Equal(t, "no-store", a.header.Get("Cache-Control"))
	if s, ok := status.Lookup(a.status); ok && doc["type"] == problem.BlankType {
		assert.Equal(t, s.Reason, doc["title"])
	}
	assert.NotContains(t, a.body, "no client reads")
	return doc
}

// codes has every number worth a request: the catalogue, valid codes that are
// in no catalogue, and numbers that are no codes.
func codes() []int {
	all := []int{299, 399, 499, 599, 600, 999, 0, 42, 99, 1000, -1}
	for s := range status.All() {
		all = append(all, s.Code)
	}
	return all
}

// sent returns the status that is sent where a handler sends code.
func sent(endpoint string, code int) int {
	switch {
	case code < 100 || code > 599, code == http.StatusSwitchingProtocols:
		return 500 // nothing is switched: RFC 9110, 15.2.2 requires an Upgrade
	case code < 200 && endpoint == "error":
		return 500 // not a final status
	case code < 200:
		return 200 // interim, and then the handler goes on
	}
	return code
}

func TestEachCodeIsAValidResponse(t *testing.T) {
	for _, a := range clients(t) {
		for _, endpoint := range []string{"error", "raw", "empty", "json", "invalid"} {
			for _, code := range codes() {
				path := fmt.Sprintf("/%s/%d", endpoint, code)
				t.Run(a.name+path, func(t *testing.T) {
					got := a.send(t, "GET", path, "")
					want := sent(endpoint, code)
					require.Equal(t, want, got.status)
					assert.NotEmpty(t, got.header.Get("X-Request-Id"))
					assert.NotEmpty(t, got.header.Get("Date"))
					switch {
					case status.BodyForbidden(want):
						assert.Empty(t, got.body)
						if want == 204 {
							assert.Empty(t, got.header.Values("Content-Length"), "RFC 9110, 8.6")
						}
					case endpoint == "json" && want == code, endpoint == "json" && want == 200:
						assert.Equal(t, "application/json", got.header.Get("Content-Type"))
						assert.JSONEq(t, fmt.Sprintf(`{"error":"in the handler's own form","code":%d}`, code), got.body)
					case want >= 400 || endpoint == "error":
						doc := got.document(t)
						if endpoint == "raw" && want == code && want < 500 {
							assert.Equal(t, "raw text of the handler", doc["detail"])
						} else {
							assert.NotContains(t, got.body, "raw text")
						}
					case endpoint == "raw":
						assert.Equal(t, "raw text of the handler\n", got.body)
					default:
						assert.Empty(t, got.body)
					}
					hasRequired(t, endpoint, a.name, got)

					head := a.send(t, "HEAD", path, "")
					assert.Equal(t, got.status, head.status)
					assert.Empty(t, head.body)
					for _, h := range []http.Header{got.header, head.header} {
						h.Del("Date")
						h.Del("X-Request-Id")
					}
					if got.header.Get("Content-Type") != problem.MediaType {
						head.header.Del("Content-Length") // a server may not count what it does not send
						got.header.Del("Content-Length")
						got.header.Del("Transfer-Encoding")
					}
					assert.Equal(t, got.header, head.header)
				})
			}
		}
	}
}

func TestFormOfAnErrorIsNegotiated(t *testing.T) {
	for _, a := range clients(t) {
		for _, endpoint := range []string{"error", "raw", "empty"} {
			for _, code := range codes() {
				want := sent(endpoint, code)
				if want < 400 || code < 400 && endpoint != "error" {
					continue
				}
				path := fmt.Sprintf("/%s/%d", endpoint, code)
				for accept, mediaType := range map[string]string{
					"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": problem.MediaTypeHTML, // a browser
					"application/xml": problem.MediaTypeXML,
					"*/*":             problem.MediaType,
				} {
					got := a.send(t, "GET", path, "", "Accept", accept)
					require.Equal(t, want, got.status, "%s for %s", path, accept)
					require.Equal(t, mediaType, got.header.Get("Content-Type"), "%s for %s", path, accept)
					assert.Contains(t, got.header.Get("Vary"), "Accept")
					text := html.UnescapeString(got.body)
					assert.True(t, strings.Contains(text, strconv.Itoa(want)), "%s for %s", path, accept)
					assert.True(t, strings.Contains(text, status.Nearest(want).Reason), "%s for %s", path, accept)
					hasRequired(t, endpoint, a.name, got)
				}
			}
		}
	}
}

// hasRequired checks the fields that RFC 9110 and others want beside a code.
func hasRequired(t *testing.T, endpoint, proto string, a response) {
	t.Helper()
	for _, field := range []string{"Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade", "Proxy-Connection"} {
		if proto == "HTTP/2" {
			assert.Empty(t, a.header.Values(field), "RFC 9113, 8.2.2: %s", field)
		}
	}
	if endpoint != "error" {
		return
	}
	fields := map[int][]string{
		201: {"Location"}, 206: {"Content-Range"}, 226: {"IM", "ETag"}, 304: {"ETag"},
		300: {"Location"}, 301: {"Location"}, 302: {"Location"}, 303: {"Location"}, 307: {"Location"}, 308: {"Location"},
		401: {"WWW-Authenticate"}, 405: {"Allow"}, 407: {"Proxy-Authenticate"},
		413: {"Retry-After"}, 415: {"Accept"}, 416: {"Content-Range"}, 429: {"Retry-After"}, 451: {"Link"}, 503: {"Retry-After"},
	}
	if proto == "HTTP/1.1" {
		fields[426] = []string{"Upgrade", "Connection"}
	}
	for _, field := range fields[a.status] {
		assert.NotEmpty(t, a.header.Get(field), field)
	}
}

func TestPathWithoutANumberIsNotFound(t *testing.T) {
	for _, a := range clients(t) {
		for _, path := range []string{"/error/teapot", "/raw/4O4", "/empty/", "/json/4.04", "/invalid/99999999999999999999", "/statuses/x", "/statuses/42", "/nowhere"} {
			got := a.send(t, "GET", path, "")
			assert.Equal(t, 404, got.status, path)
			got.document(t)
		}
	}
}

func TestOtherMethodsGetAllow(t *testing.T) {
	for _, a := range clients(t) {
		for path, allow := range map[string]string{"/orders": "POST", "/stream": "GET, HEAD", "/file": "GET, HEAD", "/statuses": "GET, HEAD", "/": "GET, HEAD"} {
			got := a.send(t, "PATCH", path, "")
			assert.Equal(t, 405, got.status, path)
			assert.Equal(t, allow, got.header.Get("Allow"))
			got.document(t)
		}
		assert.Equal(t, 503, a.send(t, "DELETE", "/error/503", "").status, "the others take every method")
	}
}

func TestPanicIsA500UnlessItIsTooLate(t *testing.T) {
	srv := httptest.NewServer(handler())
	defer srv.Close()
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	for _, a := range clients(t) {
		got := a.send(t, "GET", "/panic", "")
		assert.Equal(t, 500, got.status)
		got.document(t)
	}
	res, err := srv.Client().Get(srv.URL + "/panic/late")
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	assert.Error(t, err, "the client must notice that the response is cut")
	assert.Equal(t, "The first half of a response, and then", string(body))
}

func TestSixthRequestOfAMinuteIsRefused(t *testing.T) {
	for _, a := range clients(t) {
		for range 5 {
			require.Equal(t, 200, a.send(t, "GET", "/limited", "").status)
		}
		got := a.send(t, "GET", "/limited", "")
		require.Equal(t, 429, got.status)
		got.document(t)
		wait, err := strconv.Atoi(got.header.Get("Retry-After"))
		require.NoError(t, err)
		assert.InDelta(t, 12, wait, 1, "a fifth of a minute")
		assert.NotEmpty(t, got.header.Get("RateLimit"))
		assert.NotEmpty(t, got.header.Get("RateLimit-Policy"))
	}
}

func TestOrders(t *testing.T) {
	const good = `{"item":"tea","quantity":2}`
	tests := []struct {
		name, mediaType, body string
		status                int
		pointers              []string
	}{
		{"good", "application/json", good, 201, nil},
		{"good, with a charset", "application/json; charset=utf-8", good, 201, nil},
		{"nothing", "application/json", "", 400, nil},
		{"half", "application/json", `{"item":`, 400, nil},
		{"two", "application/json", good + good, 400, nil},
		{"no object", "application/json", `[]`, 422, []string{"#"}},
		{"unknown member", "application/json", `{"item":"tea","quantity":2,"price":1}`, 422, []string{"#/price"}},
		{"wrong type", "application/json", `{"item":"tea","quantity":"two"}`, 422, []string{"#/quantity"}},
		{"empty object", "application/json", `{}`, 422, []string{"#/item", "#/quantity"}},
		{"too many", "application/json", `{"item":"tea","quantity":101}`, 422, []string{"#/quantity"}},
		{"too large", "application/json", `{"item":"` + strings.Repeat("x", maxOrder) + `"}`, 413, nil},
		{"exactly as large as allowed", "application/json", good + strings.Repeat(" ", maxOrder-len(good)), 201, nil},
		{"one byte larger", "application/json", good + strings.Repeat(" ", maxOrder-len(good)+1), 413, nil},
		{"no type", "", good, 415, nil},
		{"another type", "text/plain", good, 415, nil},
		{"a form", "application/x-www-form-urlencoded", "item=tea", 415, nil},
	}
	for _, a := range clients(t) {
		for _, tt := range tests {
			t.Run(a.name+"/"+tt.name, func(t *testing.T) {
				var header []string
				if tt.mediaType != "" {
					header = []string{"Content-Type", tt.mediaType}
				}
				got := a.send(t, "POST", "/orders", tt.body, header...)
				require.Equal(t, tt.status, got.status, "%s", got.body)
				if got.status == 201 {
					assert.Equal(t, "/orders/1", got.header.Get("Location"))
					assert.JSONEq(t, good, got.body)
					return
				}
				doc := got.document(t)
				if got.status == 415 {
					assert.Contains(t, got.header.Get("Accept"), "application/json")
				}
				var pointers []string
				errs, _ := doc["errors"].([]any)
				for _, e := range errs {
					pointers = append(pointers, e.(map[string]any)["pointer"].(string))
				}
				assert.Equal(t, tt.pointers, pointers)
			})
		}
	}
}

func TestBuyIsATypedProblem(t *testing.T) {
	for _, a := range clients(t) {
		got := a.send(t, "POST", "/buy", "")
		assert.Equal(t, 403, got.status)
		doc := got.document(t)
		assert.Equal(t, "https://example.com/statuses/out-of-credit", doc["type"])
		assert.Equal(t, "You do not have enough credit.", doc["title"])
		assert.EqualValues(t, 30, doc["balance"])
		assert.Equal(t, []any{"/account/12345", "/account/67890"}, doc["accounts"])
	}
}

func TestStreamArrivesEventByEvent(t *testing.T) {
	srv := httptest.NewServer(handler())
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL + "/stream")
	require.NoError(t, err)
	defer res.Body.Close()
	assert.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
	in := bufio.NewReader(res.Body)
	var seen []string
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		if id, ok := strings.CutPrefix(line, "id: "); ok {
			seen = append(seen, strings.TrimSpace(id))
		}
	}
	assert.Equal(t, []string{"1", "2", "3", "4", "5"}, seen)
}

func TestFileHasRangesAndValidators(t *testing.T) {
	for _, a := range clients(t) {
		whole := a.send(t, "GET", "/file", "")
		assert.Equal(t, 200, whole.status)
		assert.Equal(t, fileText, whole.body)

		part := a.send(t, "GET", "/file", "", "Range", "bytes=0-8")
		assert.Equal(t, 206, part.status)
		assert.Equal(t, fileText[:9], part.body)
		assert.Equal(t, fmt.Sprintf("bytes 0-8/%d", len(fileText)), part.header.Get("Content-Range"))

		same := a.send(t, "GET", "/file", "", "If-None-Match", whole.header.Get("ETag"))
		assert.Equal(t, 304, same.status)
		assert.Empty(t, same.body)
		assert.Equal(t, whole.header.Get("ETag"), same.header.Get("ETag"))

		stale := a.send(t, "GET", "/file", "", "If-Match", `"other"`)
		assert.Equal(t, 412, stale.status)
		assert.Equal(t, whole.header.Get("ETag"), stale.header.Get("ETag"))
		stale.document(t)

		beyond := a.send(t, "GET", "/file", "", "Range", "bytes=999999-")
		assert.Equal(t, 416, beyond.status)
		assert.Equal(t, fmt.Sprintf("bytes */%d", len(fileText)), beyond.header.Get("Content-Range"))
		beyond.document(t)
	}
}

func TestDeadUpstreamIsA502(t *testing.T) {
	for _, a := range clients(t) {
		got := a.send(t, "GET", "/upstream", "")
		assert.Equal(t, 502, got.status)
		got.document(t)
		assert.NotContains(t, got.body, "127.0.0.1")
	}
}

func TestCatalogueIsServed(t *testing.T) {
	for _, a := range clients(t) {
		for _, path := range []string{"/statuses", "/statuses/"} {
			var all struct{ Statuses []map[string]any }
			got := a.send(t, "GET", path, "")
			require.Equal(t, 200, got.status)
			require.Equal(t, "application/json", got.header.Get("Content-Type"))
			require.NoError(t, json.Unmarshal([]byte(got.body), &all))
			assert.Len(t, all.Statuses, len(slices.Collect(status.All())))
		}
		for s := range status.All() {
			path := fmt.Sprintf("/statuses/%d", s.Code)
			var one map[string]any
			got := a.send(t, "GET", path, "")
			require.Equal(t, 200, got.status)
			require.NoError(t, json.Unmarshal([]byte(got.body), &one))
			assert.Equal(t, s.Reason, one["title"])
			assert.Equal(t, s.Description, one["description"])

			page := a.send(t, "GET", path, "", "Accept", "text/html")
			require.Equal(t, 200, page.status)
			assert.Equal(t, problem.MediaTypeHTML, page.header.Get("Content-Type"))
			assert.True(t, strings.Contains(html.UnescapeString(page.body), s.Description), path)
		}
		got := a.send(t, "GET", "/statuses/out-of-credit", "", "Accept", "text/html")
		assert.Equal(t, 200, got.status)
		assert.True(t, strings.Contains(got.body, outOfCredit.Title))
	}
}

func TestIndexLinksEveryCode(t *testing.T) {
	for _, a := range clients(t) {
		got := a.send(t, "GET", "/", "")
		require.Equal(t, 200, got.status)
		assert.Contains(t, got.header.Get("Content-Type"), "text/html")
		for s := range status.All() {
			assert.Contains(t, got.body, fmt.Sprintf(`href="/error/%d"`, s.Code))
		}
	}
}

func TestCommandStartsAndStops(t *testing.T) {
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-addr", "127.0.0.1:0")
		cmd.Env = append(os.Environ(), "EXPLORER_AS_COMMAND=1")
		stderr := new(strings.Builder)
		cmd.Stderr = stderr
		stdout, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		out := bufio.NewReader(stdout)
		line, err := out.ReadString('\n')
		require.NoError(t, err)
		url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
		require.True(t, ok, line)
		res, err := http.Get(url + "/error/503")
		require.NoError(t, err)
		_ = res.Body.Close()
		assert.Equal(t, 503, res.StatusCode)

		require.NoError(t, cmd.Process.Signal(sig))
		rest, err := io.ReadAll(out)
		require.NoError(t, err)
		assert.NoError(t, cmd.Wait(), "exit status 0")
		assert.Empty(t, rest, "stdout has the address and nothing else")
		assert.Contains(t, stderr.String(), "/error/503", "the access log")
	}
}
