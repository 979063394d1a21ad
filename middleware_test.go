package rejoinder_test

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/internal/race"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var outOfCredit = problem.Define("https://example.com/probs/out-of-credit",
	"You do not have enough credit.", 403, "Top up the account, then send the order again.")

// service has a handler for each way in which a response comes about.
func service() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, h http.HandlerFunc) { mux.HandleFunc(pattern, h) }
	handle("GET /fine", func(w http.ResponseWriter, r *http.Request) {
		respond.JSON(w, 200, map[string]int{"id": 17})
	})
	handle("GET /plain", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "as it is")
	})
	handle("GET /silent", func(w http.ResponseWriter, r *http.Request) {})
	handle("GET /documented", func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 503) })
	handle("GET /typed", func(w http.ResponseWriter, r *http.Request) {
		respond.Problem(w, r, outOfCredit.New(problem.Detail("Your balance is 30, but that costs 50."), problem.Extension("balance", 30)))
	})
	handle("GET /text", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no order 17", 404) })
	handle("GET /leak", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "dial tcp: secret", 500) })
	handle("GET /empty", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(410) })
	handle("GET /invalid", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(0) })
	handle("GET /unnamed", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(499) })
	handle("GET /panic", func(w http.ResponseWriter, r *http.Request) { panic("secret") })
	handle("GET /own", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(400)
		_, _ = io.WriteString(w, `{"error":"mine"}`)
	})
	return mux
}

// The whole responses of the documented chain, as they are on the wire.
func TestChainRespondsInOneFormat(t *testing.T) {
	var logs bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logs, nil)))
	defer slog.SetDefault(before)

	const problemHeader = "Cache-Control: no-store\nContent-Length: N\nContent-Type: application/problem+json\nX-Content-Type-Options: nosniff\n"
	for _, row := range []struct{ name, method, path, status, header, body string }{
		{"a success passes", "GET", "/fine", "200 OK", "Content-Length: N\nContent-Type: application/json\nX-Content-Type-Options: nosniff\n", "{\"id\":17}\n"},
		{"so does plain text", "GET", "/plain", "200 OK", "Content-Length: N\nContent-Type: text/plain; charset=utf-8\n", "as it is"},
		{"a silent handler is a success", "GET", "/silent", "200 OK", "Content-Length: N\n", ""},
		{"the mux's own 404", "GET", "/nowhere", "404 Not Found", problemHeader + "Vary: Accept\n",
			`{"type":"about:blank","title":"Not Found","status":404,"detail":"The server found nothing at this address, or will not disclose that it exists."}`},
		{"the mux's own 405, with its Allow", "POST", "/fine", "405 Method Not Allowed", "Allow: GET, HEAD\n" + problemHeader + "Vary: Accept\n",
			`{"type":"about:blank","title":"Method Not Allowed","status":405,"detail":"The resource exists but does not support this method."}`},
		{"respond.Error", "GET", "/documented", "503 Service Unavailable", problemHeader + "Vary: Accept\n",
			`{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"The server cannot handle requests at the moment because of overload or maintenance. Try again later."}`},
		{"a type of one's own", "GET", "/typed", "403 Forbidden", problemHeader + "Vary: Accept\n",
			`{"type":"https://example.com/probs/out-of-credit","title":"You do not have enough credit.","status":403,"detail":"Your balance is 30, but that costs 50.","balance":30}`},
		{"http.Error, whose text explains a 4xx", "GET", "/text", "404 Not Found", problemHeader + "Vary: Accept\n",
			`{"type":"about:blank","title":"Not Found","status":404,"detail":"no order 17"}`},
		{"http.Error, whose text is withheld for a 5xx", "GET", "/leak", "500 Internal Server Error", problemHeader + "Vary: Accept\n",
			`{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"The server met a condition it did not expect and could not fulfil the request."}`},
		{"a bare status", "GET", "/empty", "410 Gone", problemHeader + "Vary: Accept\n",
			`{"type":"about:blank","title":"Gone","status":410,"detail":"The resource was removed, probably permanently. Remove links to it."}`},
		{"a number that is no status", "GET", "/invalid", "500 Internal Server Error", problemHeader + "Vary: Accept\n",
			`{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"The server met a condition it did not expect and could not fulfil the request."}`},
		{"a status that is not registered", "GET", "/unnamed", "499 status code 499", problemHeader + "Vary: Accept\n",
			`{"type":"about:blank","title":"Bad Request","status":499,"detail":"The server cannot process the request because it is malformed, badly framed or misleadingly routed. Correct it before sending it again."}`},
		{"a panic", "GET", "/panic", "500 Internal Server Error", problemHeader + "Vary: Accept\n",
			`{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"The server met a condition it did not expect and could not fulfil the request."}`},
		{"an error in a format of one's own", "GET", "/own", "400 Bad Request", "Content-Length: N\nContent-Type: application/json\n", `{"error":"mine"}`},
		{"HEAD has the header of GET", "HEAD", "/documented", "503 Service Unavailable", problemHeader + "Vary: Accept\n", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			limit := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerMinute(100), Key: ratelimit.ByIP(clientip.Direct)})
			h := middleware.Chain(middleware.RequestID, middleware.AccessLog, middleware.Normalize, limit)(service())
			got := exchange(t, h, row.method, row.path, 1)
			want := "HTTP/1.1 " + row.status + "\n" + sorted(row.header+"Ratelimit-Policy: \"default\";q=100;w=60\nRatelimit: \"default\";r=99;t=60\nX-Request-Id: ID\n") + "\n" + row.body
			assert.Equal(t, want, got)
		})
	}
	assert.Contains(t, logs.String(), "secret", "what the client may not read is for the log")
}

func TestChainRefusesAClientOverItsLimit(t *testing.T) {
	limit := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerMinute(5), Key: ratelimit.ByIP(clientip.Direct)})
	h := middleware.Chain(middleware.RequestID, middleware.AccessLog, middleware.Normalize, limit)(service())
	got := exchange(t, h, "GET", "/fine", 6)
	assert.Equal(t, `HTTP/1.1 429 Too Many Requests
Cache-Control: no-store
Content-Length: N
Content-Type: application/problem+json
Ratelimit-Policy: "default";q=5;w=60
Ratelimit: "default";r=0;t=12
Retry-After: 12
Vary: Accept
X-Content-Type-Options: nosniff
X-Request-Id: ID

{"type":"about:blank","title":"Too Many Requests","status":429,"detail":"The client has sent too many requests. Wait before sending the next one.","violated-policies":["default"]}`, got)
}

var (
	requestID = regexp.MustCompile(`(?m)^X-Request-Id: \S{16,}$`)
	length    = regexp.MustCompile(`(?m)^Content-Length: \d+$`)
	date      = regexp.MustCompile(`(?m)^Date: .* GMT\n`)
)

// exchange sends a request to h as often as times says, and returns the last response
// as it was on the wire: with sorted fields, and with what differs from run to run
// replaced or left out.
func exchange(t *testing.T, h http.Handler, method, path string, times int) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	srv.Start()
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	in := bufio.NewReader(conn)
	req, err := http.NewRequest(method, "http://127.0.0.1"+path, nil)
	require.NoError(t, err)
	var last string
	for range times {
		require.NoError(t, req.Write(conn))
		var raw bytes.Buffer
		res, err := http.ReadResponse(bufio.NewReader(io.TeeReader(in, &raw)), req)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, res.Body)
		require.NoError(t, err)
		last = strings.ReplaceAll(raw.String(), "\r\n", "\n")
	}
	head, body, _ := strings.Cut(last, "\n\n")
	status, fields, _ := strings.Cut(head, "\n")
	fields = date.ReplaceAllString(fields+"\n", "")
	fields = requestID.ReplaceAllString(fields, "X-Request-Id: ID")
	fields = length.ReplaceAllString(fields, "Content-Length: N")
	return status + "\n" + sorted(fields) + "\n" + body
}

// sorted orders header lines by name.
func sorted(lines string) string {
	all := strings.SplitAfter(lines, "\n")
	all = all[:len(all)-1]
	slices.Sort(all)
	return strings.Join(all, "")
}

// The whole chain with a record in the log.
func TestChainAllocatesLittle(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector has allocations of its own")
	}
	limit := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerSecond(1_000_000), Key: ratelimit.ByIP(clientip.Direct)})
	// The short names have a duration that slog's JSON handler writes without an
	// allocation. For one in seconds it needs one or two, as the release has it.
	log := middleware.AccessLogOptions{Logger: slog.New(slog.NewJSONHandler(io.Discard, nil)), Names: middleware.AttrsShort}
	h := middleware.Chain(middleware.RequestID, middleware.AccessLogWith(log), middleware.Normalize, limit)(service())
	for _, row := range []struct {
		path string
		most float64
	}{
		{"/silent", 10}, // a record has to wait where nothing has been sent yet
		{"/documented", 10},
		{"/nowhere", 24}, // of which ServeMux and http.Error have a dozen
	} {
		r := httptest.NewRequest("GET", row.path, nil)
		r.RemoteAddr = "127.0.0.1:4711"
		w := &discard{header: http.Header{}}
		assert.LessOrEqual(t, testing.AllocsPerRun(200, func() {
			clear(w.header)
			r.Pattern = "" // as it comes from a server
			h.ServeHTTP(w, r)
		}), row.most, row.path)
	}
}

// discard is a ResponseWriter with the interfaces of HTTP/1 that keeps nothing
// but the header.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header                 { return d.header }
func (d *discard) WriteHeader(int)                     {}
func (d *discard) Write(p []byte) (int, error)         { return len(p), nil }
func (d *discard) WriteString(s string) (int, error)   { return len(s), nil }
func (d *discard) ReadFrom(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) }
func (d *discard) Flush()                              {}
func (d *discard) FlushError() error                   { return nil }
func (d *discard) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, http.ErrNotSupported
}
func (d *discard) CloseNotify() <-chan bool { return nil }
