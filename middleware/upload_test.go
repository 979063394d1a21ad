package middleware_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The body of a request, through each layer.

// refusals are handlers and middlewares that refuse before a byte is read.
func refusals() map[string]struct {
	h    http.Handler
	want int
} {
	maintenance := new(middleware.Maintenance)
	maintenance.Start(time.Time{})
	reads := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.ReadAll(r.Body) })
	spent := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: ratelimit.Everyone, Cost: func(*http.Request) int { return 5 }})
	return map[string]struct {
		h    http.Handler
		want int
	}{
		"http.Error":    {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "who?", 401) }), 401},
		"respond.Error": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 403) }), 403},
		"WriteHeader":   {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(403) }), 403},
		"a typed error": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(409)
			io.WriteString(w, "{}")
		}), 409},
		"MaxBytes":    {middleware.MaxBytes(100)(reads), 413},
		"ContentType": {middleware.ContentType("application/json")(reads), 415},
		"Maintenance": {maintenance.Wrap(reads), 503},
		"a limiter":   {spent(reads), 403},
		"a redirect":  {http.RedirectHandler("/y", 303), 303},
	}
}

func TestAnEarlyRefusalIsSentAtOnce(t *testing.T) {
	for why, row := range refusals() {
		for request, text := range map[string]string{
			"Expect: 100-continue": "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10000000\r\n\r\n",
			"10 MB declared":       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n",
			"chunks, Expect":       "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
			"a little, Expect":     "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n",
		} {
			if why == "MaxBytes" && request == "chunks, Expect" {
				continue // it learns the length by reading
			}
			for _, l := range append(stacks(), around()...) {
				synctest.Test(t, func(t *testing.T) {
					p := serve(t, l.wrap(row.h))
					conn := p.Dial()
					defer conn.Close()
					begun := time.Now()
					go io.WriteString(conn, text)
					// Not to its end: net/http may wait for the rest of the body then.
					res, err := http.ReadResponse(bufio.NewReader(conn), nil)
					require.NoError(t, err)
					_, err = io.ReadAll(res.Body)
					where := fmt.Sprintf("%s, %s inside %s", request, why, l.name)
					assert.NoError(t, err, where)
					assert.Equal(t, row.want, res.StatusCode, "%s: and no 100 before", where)
					assert.True(t, res.Close, where)
					assert.Zero(t, time.Since(begun), where)
					conn.Close()
					time.Sleep(time.Second) // net/http waits a little with its close
				})
			}
		}
	}
}

func TestABodyThatIsTooLongClosesTheConnection(t *testing.T) {
	reads := quietResponder.Handler(func(w http.ResponseWriter, r *http.Request) error {
		if _, err := io.ReadAll(r.Body); err != nil {
			return fmt.Errorf("read: %w", err)
		}
		return nil
	})
	yardstick := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r2 := r.WithContext(r.Context())
			r2.Body = http.MaxBytesReader(w, r.Body, 10)
			next.ServeHTTP(w, r2)
		})
	}
	body := func(n int) string {
		return "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", n, strings.Repeat("x", n)) + wiretest.RawRequest("GET /")
	}
	hidden := layer{"Capture behind what hides all", middleware.Chain(hide, middleware.Capture(nothing))}
	for _, l := range append(append(stacks(), around()...), hidden) {
		for name, h := range map[string]http.Handler{
			"inside":            l.wrap(middleware.MaxBytes(10)(reads)),
			"outside":           middleware.MaxBytes(10)(l.wrap(reads)),
			"MaxBytesReader in": l.wrap(yardstick(reads)),
			"twice":             middleware.MaxBytes(20)(l.wrap(middleware.MaxBytes(10)(reads))),
			"the wider inside":  middleware.MaxBytes(10)(l.wrap(middleware.MaxBytes(20)(reads))),
			"around a Timeout":  l.wrap(middleware.MaxBytes(10)(middleware.Timeout(never)(reads))),
		} {
			out := wiretest.Raw(t, h, body(15))
			where := fmt.Sprintf("%s %s: %q", name, l.name, out)
			if name == "MaxBytesReader in" && l.name != "net/http" && !l.normalizes() {
				// http.MaxBytesReader can only have net/http's own ResponseWriter close:
				// go.dev/issue/73754.
				assert.Equal(t, 413, wiretest.StatusCodes(out)[0], where)
			} else {
				assert.Equal(t, []int{413}, wiretest.StatusCodes(out), where)
				assert.Contains(t, out, "\r\nConnection: close\r\n", where)
			}
			out = wiretest.Raw(t, h, body(10))
			assert.Equal(t, []int{200, 200}, wiretest.StatusCodes(out), "%s %s: %q", name, l.name, out)
		}
	}
}

func TestNoBodyStaysNoBody(t *testing.T) {
	upstream := wiretest.Start(t, "HTTP/1.1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%d %v %s", r.ContentLength, r.TransferEncoding, r.Header.Get("Content-Length"))
	}))
	to, err := url.Parse(upstream.URL)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(to)
	for _, m := range []string{"GET", "POST", "DELETE", "PUT"} {
		var bare string
		for _, l := range stacks() {
			a := wiretest.Get(t, "HTTP/1.1", l.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				assert.True(t, r.Body == http.NoBody, "%s inside %s", m, l.name)
				proxy.ServeHTTP(w, r)
			})), wiretest.Method(m))
			if l.name == "net/http" {
				bare = a.Text
			}
			assert.Equal(t, bare, a.Text, "%s inside %s", m, l.name)
		}
	}
	for _, length := range []int64{5, -1} {
		var bare string
		for _, l := range stacks() {
			a := wiretest.Get(t, "HTTP/1.1", l.wrap(proxy), wiretest.Method("POST"), func(r *http.Request) {
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader("hello")), length
			})
			if l.name == "net/http" {
				bare = a.Text
			}
			assert.Equal(t, bare, a.Text, "%d inside %s", length, l.name)
		}
	}
}

// upload is a form with one file.
func upload(size int) (body []byte, contentType string) {
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	part, _ := m.CreateFormFile("f", "f.bin")
	part.Write(make([]byte, size))
	m.Close()
	return form.Bytes(), m.FormDataContentType()
}

// A foreign middleware copies the request, as all do that add a value.
func copies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r.Clone(r.Context())) })
}

func TestNoFileOfAFormStaysOnDisk(t *testing.T) {
	body, contentType := upload(8 << 10)
	parse := func(r *http.Request) error { return r.ParseMultipartForm(1) }
	ends := map[string]http.HandlerFunc{
		"a success":    func(w http.ResponseWriter, r *http.Request) { parse(r); io.WriteString(w, "hello") },
		"a problem":    func(w http.ResponseWriter, r *http.Request) { parse(r); respond.Error(w, 404) },
		"FormFile":     func(w http.ResponseWriter, r *http.Request) { parse(r); r.FormFile("f") },
		"a panic":      func(w http.ResponseWriter, r *http.Request) { parse(r); panic("x") },
		"a cut":        func(w http.ResponseWriter, r *http.Request) { parse(r); panic(http.ErrAbortHandler) },
		"an exit":      func(w http.ResponseWriter, r *http.Request) { parse(r); runtime.Goexit() },
		"a late panic": func(w http.ResponseWriter, r *http.Request) { parse(r); io.WriteString(w, "x"); panic("x") },
		"a slow one":   func(w http.ResponseWriter, r *http.Request) { parse(r); time.Sleep(time.Minute) },
		"a late parse": func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(b))
			time.Sleep(time.Minute)
			parse(r)
		},
		"a closed file": func(w http.ResponseWriter, r *http.Request) { parse(r); f, _, _ := r.FormFile("f"); f.Close() },
	}
	foreign := append(compressors()[2:3], layer{"a plain wrapper", plainWrapper}, layer{"a copy", copies})
	chains := append(stacks(), around()...)
	var brief []layer // for which two ends are enough
	for _, l := range chains {
		access := middleware.AccessLogWith(middleware.AccessLogOptions{Logger: quiet})
		for _, f := range foreign {
			if l.name == "net/http" {
				continue
			}
			brief = append(brief, layer{"AccessLog, " + f.name + ", " + l.name, middleware.Chain(access, f.wrap, l.wrap)},
				layer{f.name + ", " + l.name, middleware.Chain(f.wrap, l.wrap)})
		}
		if l.name != "net/http" {
			brief = append(brief, layer{"TimeoutHandler, " + l.name, func(h http.Handler) http.Handler {
				return http.TimeoutHandler(l.wrap(h), time.Hour, "")
			}})
		}
	}
	for why, h := range ends {
		chains := chains
		if why == "a success" || why == "a panic" {
			chains = slices.Concat(chains, brief)
		}
		for _, l := range chains {
			fails := strings.Contains(why, "panic") || why == "a cut" || why == "an exit"
			if passesTheRequest(l.name) && (fails || strings.Contains(l.name, "a copy") || strings.HasPrefix(l.name, "TimeoutHandler")) {
				continue // net/http forgets the files, too
			}
			tmp := t.TempDir()
			t.Setenv("TMPDIR", tmp)
			inBubble(t, func(t *testing.T, protocol string) {
				if protocol == "HTTP/2" && passesTheRequest(l.name) {
					return // net/http of Go 1.27 forgets the files, too
				}
				parsed := make(chan int, 1)
				p := serve(t, l.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					defer func() {
						files, _ := os.ReadDir(tmp)
						parsed <- len(files)
					}()
					h(w, r)
				})))
				client := p.client(t, protocol)
				res, err := client.Post("http://a/", contentType, bytes.NewReader(body))
				if err == nil {
					io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
				time.Sleep(time.Hour)
				n := <-parsed
				if why != "a late parse" {
					assert.Equal(t, 1, n, "%s inside %s: the form is on disk", why, l.name)
				}
				files, err := os.ReadDir(tmp)
				assert.NoError(t, err)
				assert.Empty(t, files, "%s: %s inside %s", protocol, why, l.name)
			})
		}
	}
}

// passesTheRequest reports whether the innermost layer gives the handler the
// request that it has got, and no ResponseWriter of its own.
func passesTheRequest(name string) bool {
	for _, l := range []string{"net/http", "Maintenance", "InFlight", "ratelimit", "Route"} {
		if name == l || strings.HasSuffix(name, ", "+l) {
			return true
		}
	}
	return false
}

// The outer layers find what inner ones left on their request.
func TestOuterLayersSeeFormAndPattern(t *testing.T) {
	body, contentType := upload(100)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /u/{id}", func(w http.ResponseWriter, r *http.Request) { r.ParseMultipartForm(1 << 20) })
	mux.HandleFunc("POST /panic/{id}", func(w http.ResponseWriter, r *http.Request) { r.ParseMultipartForm(1 << 20); panic("x") })
	for _, l := range stacks() {
		for path, pattern := range map[string]string{"/u/1": "POST /u/{id}", "/panic/1": "POST /panic/{id}"} {
			var seen *http.Request
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() { recover(); seen = r }()
				l.wrap(mux).ServeHTTP(w, r)
			})
			r := httptest.NewRequest("POST", path, bytes.NewReader(body))
			r.Header.Set("Content-Type", contentType)
			h.ServeHTTP(httptest.NewRecorder(), r)
			assert.Equal(t, pattern, seen.Pattern, l.name)
			assert.NotNil(t, seen.MultipartForm, "%s %s", path, l.name)
		}
	}
}

// Of two routers, the inner one knows the route, and the layers outside of both have its
// pattern, although each has a copy of the request.
func TestTheRouteIsThatOfTheInnerRouter(t *testing.T) {
	inner := http.NewServeMux()
	inner.HandleFunc("GET /api/orders/{id}", func(http.ResponseWriter, *http.Request) {})
	for _, l := range layers() {
		if l.name == "Route" { // which is asked last
			continue
		}
		for _, near := range layers()[:6] { // the others pass the request on
			outer := http.NewServeMux()
			outer.Handle("/api/", middleware.Chain(l.wrap, copies, near.wrap)(inner))
			far, out := results()
			capture, mid := results()
			wiretest.Get(t, "HTTP/1.1", middleware.Chain(far, copies, capture, copies)(outer), wiretest.Path("/api/orders/1"))
			where := l.name + ", " + near.name
			assert.Equal(t, "GET /api/orders/{id}", (<-mid).Route, where)
			assert.Equal(t, "GET /api/orders/{id}", (<-out).Route, where)
		}
	}
}

// A handler may parse the form of its own request after a layer further in had a copy.
func TestAFormThatIsParsedLateLeavesNoFile(t *testing.T) {
	body, contentType := upload(8 << 10)
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	observe := middleware.Capture(nothing)
	first := copies(observe(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	srv := wiretest.Start(t, "HTTP/1.1", middleware.Chain(observe, copies, observe)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first.ServeHTTP(w, r)
		assert.NoError(t, r.ParseMultipartForm(1))
		files, err := os.ReadDir(tmp)
		assert.NoError(t, err)
		assert.Len(t, files, 1)
	})))
	res := wiretest.Send(t, srv, func(r *http.Request) {
		r.Method, r.Body, r.ContentLength = "POST", io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Type", contentType)
	})
	assert.Equal(t, 200, res.StatusCode)
	srv.Close() // which waits for the handler
	files, err := os.ReadDir(tmp)
	assert.NoError(t, err)
	assert.Empty(t, files)
}

// A layer that knows no route takes none away.
func TestARouteStaysWhereALayerKnowsNone(t *testing.T) {
	route := func(pattern string) func(http.Handler) http.Handler {
		return middleware.Route(func(*http.Request) string { return pattern })
	}
	for why, wrap := range map[string]func(http.Handler) http.Handler{
		"another Route":      middleware.Chain(route(""), route("/orders/{id}")),
		"a layer in Timeout": middleware.Chain(middleware.Timeout(never), copies, middleware.Capture(nothing), route("/orders/{id}")),
	} {
		capture, got := results()
		wiretest.Get(t, "HTTP/1.1", capture(wrap(http.HandlerFunc(ok))))
		assert.Equal(t, "/orders/{id}", (<-got).Route, why)
	}
}
