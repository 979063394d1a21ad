package rejoinder_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/listener"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/request"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// guarded is the documented chain, with what bounds time and bodies, around h.
func guarded(h http.Handler) http.Handler {
	quiet := slog.New(slog.DiscardHandler)
	limit := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerSecond(1_000_000), Key: ratelimit.ByIP(clientip.Direct)})
	return middleware.Chain(middleware.RequestID, middleware.AccessLogWith(middleware.AccessLogOptions{Logger: quiet}),
		middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet}), limit,
		middleware.Timeout(time.Minute), middleware.MaxBytes(1000))(h)
}

// shop repeats what a client sends in as many responses as it can.
func shop() http.Handler {
	mux := service().(*http.ServeMux)
	mux.HandleFunc("/below/", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "nothing at "+r.URL.Path, 404) })
	mux.HandleFunc("/untyped/", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		_, _ = io.WriteString(w, "no "+r.URL.Path)
	})
	mux.HandleFunc("/fails/", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "open "+r.URL.Path, 500) })
	mux.HandleFunc("/detail/", func(w http.ResponseWriter, r *http.Request) {
		respond.Error(w, 409, problem.Detail(r.URL.Path), problem.Instance(r.URL.Path), problem.Extension("path", r.URL.Path), problem.Header("X-Path", r.URL.Path))
	})
	mux.HandleFunc("/created/", func(w http.ResponseWriter, r *http.Request) { respond.Created(w, r.URL.Path, r.URL.Path) })
	mux.HandleFunc("/to/", func(w http.ResponseWriter, r *http.Request) {
		respond.Redirector{}.Redirect(w, 303, r.URL.Query().Get("next"))
	})
	mux.Handle("/body", respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		v, err := request.JSON[map[string]int](r)
		if err == nil {
			respond.JSON(w, 200, v)
		}
		return err
	}))
	mux.Handle("/tags/", respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		if !respond.Conditional(w, r, respond.Validators{Tag: r.URL.Path}) {
			respond.JSON(w, 200, 1)
		}
		return nil
	}))
	return mux
}

// A cache that does not know of a field would serve the response that one client
// provoked to all others.
func TestResponsesDependOnNoFieldBesidesVary(t *testing.T) {
	srv := wiretest.Start(t, "HTTP/1.1", guarded(shop()))
	send := func(path, name, value string) (text string, vary []string) {
		a := wiretest.Send(t, srv, func(r *http.Request) {
			r.URL.Path, r.URL.RawQuery, _ = strings.Cut(path, "?")
			switch name {
			case "":
			case "Host":
				r.Host = value
			default:
				r.Header.Set(name, value)
			}
		})
		require.NoError(t, a.Err)
		for _, own := range []string{"Date", "X-Request-Id", "Ratelimit"} {
			a.Header.Del(own)
		}
		return fmt.Sprint(a.StatusCode, a.Header, a.Text), a.Header["Vary"]
	}
	fields := map[string]string{"Host": "evil.example", "Accept": "text/html", "Accept-Language": "de", "Accept-Encoding": "gzip"}
	for _, name := range []string{
		"X-Forwarded-Host", "X-Forwarded-Server", "X-Host", "X-Http-Host-Override", "Forwarded", "X-Forwarded-For", "X-Real-Ip", "X-Forwarded-Proto",
		"X-Forwarded-Prefix", "X-Original-Url", "X-Rewrite-Url", "X-Http-Method-Override", "X-Method-Override", "X-Request-Id", "Traceparent", "Referer",
		"Origin", "Cookie", "Authorization", "Debug-Secret", "Range", "Prefer", "User-Agent", "Te", "Via", "Content-Type", "Content-Encoding", "Upgrade",
		"Early-Data", "Cache-Control", "Max-Forwards", "Expect-Ct", "Sec-Fetch-Site",
	} {
		fields[name] = "evil.example"
	}
	fields["X-Http-Method-Override"], fields["X-Forwarded-Proto"], fields["Range"] = "DELETE", "ftp", "bytes=0-1"
	for _, path := range []string{
		"/fine", "/plain", "/silent", "/documented", "/typed", "/text", "/leak", "/empty", "/invalid", "/panic", "/own", "/nowhere",
		"/below", "/below/x", "/untyped/x", "/detail/x", "/created/x", "/to/?next=/a", "/to/?next=//a", "/body", "/tags/x", "/../fine", "//fine",
	} {
		want, vary := send(path, "", "")
		for name, value := range fields {
			if got, _ := send(path, name, value); !slices.Contains(vary, name) {
				assert.Equal(t, want, got, "%s with %s", path, name)
			}
		}
	}
}

// No response contains markup of a client that a browser would read as such, and none
// leads to another site.
func TestNoResponseRepeatsMarkupOrAForeignSite(t *testing.T) {
	srv := wiretest.Start(t, "HTTP/1.1", guarded(shop()))
	const tag = "<script>alert(1)</script>"
	for _, path := range []string{"/nowhere/", "/below/", "/untyped/", "/fails/", "/detail/", "/created/", "/tags/", "/to/?next=/", "/fine/"} {
		for _, accept := range []string{"*/*", "text/html", "application/xml"} {
			for _, escaped := range []string{"%3Cscript%3Ealert(1)%3C/script%3E", "%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "%0d%0a%0d%0a%3Cscript%3Ealert(1)%3C/script%3E", tag} {
				raw := wiretest.SendRaw(t, srv, wiretest.RawRequest("GET "+path+escaped, "Accept: "+accept))
				head, body, _ := strings.Cut(raw, "\r\n\r\n")
				if strings.Contains(body, "<script") {
					assert.Regexp(t, "(?i)\r\nContent-Type: application/(problem\\+)?json\r\n", head+"\r\n", "%s as %s", path, accept)
					assert.Contains(t, head+"\r\n", "\r\nX-Content-Type-Options: nosniff\r\n", "%s as %s", path, accept)
				}
			}
		}
	}
	for _, target := range []string{
		"//evil.example/below", "//evil.example/..", "///evil.example/below/..", "/%5Cevil.example/..", "/\\evil.example/..", "/below/..//evil.example",
		"/below//evil.example", "/%2f/evil.example/../", "//evil.example/%2e%2e", "/to/?next=//evil.example", "/to/?next=/%09/evil.example",
		"/to/?next=/%5Cevil.example", "/created//evil.example", "/created/%0d%0aLocation:%20//evil.example",
	} {
		raw := wiretest.SendRaw(t, srv, wiretest.RawRequest("GET "+target))
		for _, line := range strings.Split(strings.ToLower(raw), "\r\n") {
			to, ok := strings.CutPrefix(line, "location: ")
			assert.False(t, ok && (strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) || !strings.HasPrefix(to, "/")), "%s leads to %q", target, to)
		}
	}
}

// ambiguous are requests that servers have been known to divide differently.
var ambiguous = map[string]string{
	"both lengths":            "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"two lengths":             "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 32\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"a list of lengths":       "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 32\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"a length with a sign":    "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: +32\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"a space before a colon":  "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\nContent-Length: 0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"another coding":          "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"two codings":             "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"a folded line":           "POST /a HTTP/1.1\r\nHost: a\r\nX: y\r\n Content-Length: 32\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"a chunk with a long end": "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\nx\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"a negative chunk":        "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"a chunk that overflows":  "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"a body of GET":           "GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 32\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n",
	"a body that is too long": "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n" + strings.Repeat("GET /b HTTP/1.1\r\nHost: a\r\n\r\n", 80),
	"chunks in HTTP/1.0":      "POST /a HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"trailers":                "POST /a HTTP/1.1\r\nHost: a\r\nTrailer: Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 32\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"an upgrade with a body":  "POST /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 32\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n",
	"an expectation":          "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 32\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n",
}

// observer is a handler that notes the requests it is given.
type observer struct {
	mu    sync.Mutex
	seen  []string
	reads bool
	then  http.HandlerFunc
}

func (o *observer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	entry := r.Method + " " + r.URL.Path
	if o.reads {
		body, err := io.ReadAll(r.Body)
		entry += fmt.Sprintf(" %q, %v", body, err != nil)
	}
	o.seen = append(o.seen, entry)
	then := o.then
	o.mu.Unlock()
	then(w, r)
}

// send sends text to a server of the observer, and returns the requests that it was given.
func (o *observer) send(t *testing.T, srv *httptest.Server, text string, reads bool, then http.HandlerFunc) []string {
	o.mu.Lock()
	o.seen, o.reads, o.then = nil, reads, then
	o.mu.Unlock()
	_ = wiretest.SendRaw(t, srv, text+wiretest.RawRequest("GET /end"))
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seen
}

// TestNoRequestIsDividedInAnotherWay compares the requests that reach a handler inside the
// chain with those that net/http alone gives it. The chain may refuse some of them, and
// close the connection earlier.
func TestNoRequestIsDividedInAnotherWay(t *testing.T) {
	var alone, inside observer
	bare := wiretest.Start(t, "HTTP/1.1", &alone)
	chain := httptest.NewUnstartedServer(guarded(&inside))
	chain.Listener = listener.Normalizer{}.Wrap(chain.Listener)
	chain.Start()
	t.Cleanup(chain.Close)
	for why, text := range ambiguous {
		for _, reads := range []bool{true, false} {
			for how, then := range map[string]http.HandlerFunc{
				"a success": func(w http.ResponseWriter, r *http.Request) { respond.NoContent(w) },
				"an error":  func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", 404) },
				"a panic":   func(w http.ResponseWriter, r *http.Request) { panic(r.URL.Path) },
			} {
				want, got := alone.send(t, bare, text, reads, then), inside.send(t, chain, text, reads, then)
				if why == "a body that is too long" {
					assert.Empty(t, got, "refused before the handler")
					continue
				}
				if how == "a panic" { // after which net/http alone closes the connection
					require.GreaterOrEqual(t, len(got), len(want))
					got = got[:len(want)]
				}
				assert.Equal(t, want, got, "%s, %s, reads: %v", why, how, reads)
			}
		}
	}
}
