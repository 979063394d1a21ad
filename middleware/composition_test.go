package middleware_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each middleware alone and all of them together, compared with net/http alone.

type layer struct {
	name string
	wrap func(http.Handler) http.Handler
}

// layers returns each middleware with settings that let every request pass.
func layers() []layer {
	plenty := ratelimit.Policy{Name: "all", Quota: ratelimit.PerSecond(1_000_000), Key: ratelimit.Everyone}
	cost := plenty
	cost.Name, cost.Cost = "cost", func(*http.Request) int { return 1 }
	return []layer{
		{"RequestID", middleware.RequestID},
		{"AccessLog", middleware.AccessLogWith(middleware.AccessLogOptions{Logger: quiet})},
		{"Capture", middleware.Capture(nothing)},
		{"Normalize", middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet})},
		{"Recover", middleware.RecoverWith(middleware.RecoverOptions{Logger: quiet})},
		{"Timeout", middleware.TimeoutWith(middleware.TimeoutOptions{Limit: never, Logger: quiet})},
		{"MaxBytes", middleware.MaxBytes(1 << 30)},
		{"Maintenance", new(middleware.Maintenance).Wrap},
		{"Route", middleware.Route(func(*http.Request) string { return "/route" })},
		{"ratelimit", ratelimit.New(plenty)},
		{"ratelimit with a cost", ratelimit.New(cost)},
		{"InFlight", ratelimit.InFlight(1000)},
		{"clientip", clientip.Source(clientip.Direct).Wrap},
	}
}

// stacks returns net/http alone first, each middleware, and all of them.
func stacks() []layer {
	all := layers()
	var mw []func(http.Handler) http.Handler
	for _, l := range all {
		mw = append(mw, l.wrap)
	}
	all = append([]layer{{"net/http", middleware.Chain()}}, all...)
	return append(all, layer{"all", middleware.Chain(mw...)})
}

func (l layer) normalizes() bool { return l.name == "Normalize" || l.name == "all" }

// bareWire is what came over a wire without the fields that middlewares add.
func bareWire(wire string) string { return addedFields.ReplaceAllString(wire, "") }

var addedFields = regexp.MustCompile(`(?m)^(Date|X-Request-Id|Ratelimit|Ratelimit-Policy|Vary): .*\r\n`)

type brokenSource struct{}

var errSource = errors.New("source: pq: no such relation")

func (brokenSource) Read([]byte) (int, error) { return 0, errSource }

// noWriterTo hides what io.Copy would use in place of ReadFrom.
func emptySource() io.Reader { return struct{ io.Reader }{strings.NewReader("")} }

// Each ends in one status, whatever sent nothing before.
var zeroBytes = []struct {
	why  string
	h    http.HandlerFunc
	want int
}{
	{"a copy that fails, then an error", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, brokenSource{})
		http.Error(w, "x", 500)
	}, 500},
	{"a typed copy that fails, then an error", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/csv")
		io.Copy(w, brokenSource{})
		http.Error(w, "x", 502)
	}, 502},
	{"CopyN that fails, then a problem", func(w http.ResponseWriter, r *http.Request) {
		io.CopyN(w, brokenSource{}, 100)
		respond.Error(w, 503)
	}, 503},
	{"an empty copy, then 404", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, emptySource())
		http.Error(w, "x", 404)
	}, 404},
	{"an empty copy, then 205", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, emptySource())
		w.WriteHeader(205)
	}, 205},
	{"an empty copy, then 206", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, emptySource())
		w.Header().Set("Content-Range", "bytes 0-2/9")
		w.WriteHeader(206)
		io.WriteString(w, "abc")
	}, 206},
	{"an empty copy, then 304", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, emptySource())
		w.Header().Set("Etag", `"1"`)
		w.WriteHeader(304)
	}, 304},
	{"an empty copy, then Redirect", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, emptySource())
		http.Redirect(w, r, "/y", 302)
	}, 302},
	{"an empty copy alone", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, emptySource()) }, 200},
	{"a copy that fails after bytes", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, io.MultiReader(strings.NewReader("abc"), brokenSource{}))
		http.Error(w, "x", 500)
	}, 200},
	{"an empty copy after WriteHeader", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(201)
		io.Copy(w, emptySource())
		http.Error(w, "x", 500)
	}, 201},
	{"an empty Write", func(w http.ResponseWriter, r *http.Request) {
		w.Write(nil)
		http.Error(w, "x", 500)
	}, 200},
	{"an empty WriteString, then a header", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "")
		w.Header().Set("X-Late", "1")
	}, 200},
}

func TestZeroBytesCommitNothing(t *testing.T) {
	for _, row := range zeroBytes {
		for _, line := range []string{"GET / HTTP/1.1", "HEAD / HTTP/1.1", "GET / HTTP/1.0"} {
			text := line + "\r\nHost: a\r\nConnection: close\r\n\r\n"
			var bare string
			for _, l := range stacks() {
				var counted int
				counts := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerMinute(100), Key: ratelimit.Everyone,
					CountStatus: func(code int) bool { counted = code; return true }})
				capture, got := results()
				h := l.wrap(row.h)
				if l.name != "net/http" {
					h = capture(counts(h))
				}
				out := wiretest.Raw(t, h, text)
				if l.name == "net/http" {
					bare = out
					assert.Equal(t, []int{row.want}, wiretest.StatusCodes(out), "%s: net/http itself", row.why)
					continue
				}
				why := fmt.Sprintf("%s, %s inside %s", line, row.why, l.name)
				assert.Equal(t, []int{row.want}, wiretest.StatusCodes(out), why)
				res := <-got
				assert.Equal(t, row.want, res.Status, why)
				assert.Equal(t, row.want, counted, why)
				if row.want == 205 {
					out = strings.Replace(out, "Content-Length: 0\r\n", "", 1) // net/http omits it for HEAD
					bare = strings.Replace(bare, "Content-Length: 0\r\n", "", 1)
				}
				if row.want < 400 || !l.normalizes() {
					assert.Equal(t, bareWire(bare), bareWire(out), why)
				} else {
					assert.Equal(t, "application/problem+json", headerOf(t, out).Get("Content-Type"), why)
				}
			}
		}
	}
	for _, l := range stacks() {
		handlers := map[string]http.HandlerFunc{}
		for _, row := range zeroBytes {
			handlers[row.why] = row.h
		}
		srv := wiretest.Start(t, "HTTP/2", l.wrap(byRow(handlers)))
		for _, row := range zeroBytes {
			assert.Equal(t, row.want, wiretest.Send(t, srv, wiretest.Field("X-Row", row.why)).StatusCode, "HTTP/2, %s inside %s", row.why, l.name)
		}
	}
}

// byRow chooses a handler by a field of the request, so that a row of a table
// needs no server of its own.
func byRow(handlers map[string]http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handlers[r.Header.Get("X-Row")](w, r) })
}

func TestAnErrorAfterAnEmptyCopyIsSent(t *testing.T) {
	for _, l := range stacks() {
		for _, protocol := range wiretest.Protocols {
			a := wiretest.Get(t, protocol, l.wrap(quietResponder.Handler(func(w http.ResponseWriter, r *http.Request) error {
				_, err := io.Copy(w, brokenSource{})
				return err
			})))
			assert.Equal(t, 500, a.StatusCode, "%s %s", protocol, l.name)
			a.Problem(t)
			assert.NotContains(t, a.Text, "pq")
		}
	}
}

var quietResponder = &respond.Responder{Logger: quiet}

// What a handler sends as a success leaves as net/http alone sends it.
var successes = map[string]http.HandlerFunc{
	"nothing":       func(w http.ResponseWriter, r *http.Request) {},
	"text":          func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") },
	"a long body":   func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 100_000)) },
	"many writes":   func(w http.ResponseWriter, r *http.Request) { manyWrites(w) },
	"a source":      func(w http.ResponseWriter, r *http.Request) { io.Copy(w, source(70_000)) },
	"a header late": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(201); w.Header().Set("X-Late", "1") },
	"an own Date":   func(w http.ResponseWriter, r *http.Request) { w.Header()["X-Two"] = []string{"1", "2"} },
	"flush first": func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		w.Header().Set("X-Late", "1")
		io.WriteString(w, "hello")
	},
	"a length": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "5")
		io.WriteString(w, "hello")
	},
	"a length that is too short": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "3")
		_, err := io.WriteString(w, "hello")
		if !errors.Is(err, http.ErrContentLength) {
			panic(fmt.Sprint("not ErrContentLength: ", err))
		}
	},
	"ServeContent": func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "x.txt", time.Unix(1e9, 0), strings.NewReader("0123456789"))
	},
	"Redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/y?a=b", 302) },
	"0, then Redirect": func(w http.ResponseWriter, r *http.Request) {
		func() {
			defer func() { recover() }()
			w.WriteHeader(0)
		}()
		http.Redirect(w, r, "/y", 303)
	},
	"1000, then a redirect": func(w http.ResponseWriter, r *http.Request) {
		func() {
			defer func() { recover() }()
			w.WriteHeader(1000)
		}()
		respond.Redirect(w, 307, "/z")
	},
	"trailers": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		w.WriteHeader(200)
		w.Header().Set("X-Sum", "1")
		io.WriteString(w, "abc")
		w.Header().Set(http.TrailerPrefix+"X-More", "2")
	},
	"a hint": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>")
		w.WriteHeader(103)
		w.WriteHeader(102)
		w.Header().Set("X-Own", "1")
		io.WriteString(w, "abc")
	},
	"204 with a body": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204); io.WriteString(w, "abc") },
	"304 with fields": func(w http.ResponseWriter, r *http.Request) { w.Header().Set("ETag", `"a"`); w.WriteHeader(304) },
	"Connection: close by the handler": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		io.WriteString(w, "abc")
	},
	"no Content-Type, on purpose": func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = nil
		io.WriteString(w, "<html>")
	},
	"a deleted field": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-A", "1")
		w.Header().Del("X-A")
		w.WriteHeader(202)
	},
}

func manyWrites(w io.Writer) {
	for i := range 2000 {
		fmt.Fprintf(w, "line %d\n", i)
	}
}

func TestASuccessIsWhatNetHTTPSends(t *testing.T) {
	for why, h := range successes {
		for _, line := range []string{"GET / HTTP/1.1", "HEAD / HTTP/1.1", "GET / HTTP/1.0"} {
			// Twice on one connection, the second of them pipelined.
			text := line + "\r\nHost: a\r\nRange: bytes=2-4\r\n\r\n" + wiretest.RawRequest("GET /")
			var bare string
			for _, l := range stacks() {
				out := responses(t, wiretest.Raw(t, l.wrap(h), text), line)
				if why == "a hint" && strings.HasSuffix(line, "1.0") && l.normalizes() {
					continue // RFC 9110, 15.2: no interim response to HTTP/1.0, which net/http sends
				}
				if l.name == "net/http" {
					bare = out
				} else if out != bare {
					assert.Equal(t, clip(bare), clip(out), "%s, %s inside %s", line, why, l.name)
				}
			}
		}
	}
}

// responses is all that came over a wire, without the borders of chunks, which
// depend on buffers, and without the fields that middlewares add.
func responses(t *testing.T, wire, firstLine string) string {
	t.Helper()
	var all strings.Builder
	rest := bufio.NewReader(strings.NewReader(wire))
	for first := true; ; {
		r := &http.Request{Method: "GET"}
		if first {
			r.Method, _, _ = strings.Cut(firstLine, " ")
		}
		res, err := http.ReadResponse(rest, r)
		if err != nil {
			return all.String()
		}
		body, err := io.ReadAll(res.Body)
		fmt.Fprintln(&all, res.Proto, res.Status, res.ContentLength, res.TransferEncoding, res.Close)
		for name := range res.Header {
			if addedFields.MatchString(name + ": x\r\n") {
				delete(res.Header, name)
			}
		}
		res.Header.Write(&all)
		fmt.Fprintf(&all, "%s\n%v\n%v\n", body, res.Trailer, err)
		first = first && res.StatusCode < 200
	}
}

// clip keeps the ends of a long text.
func clip(s string) string {
	if len(s) > 3000 {
		return s[:1500] + " ... " + s[len(s)-1500:]
	}
	return s
}

func TestASuccessOverHTTP2IsTheSame(t *testing.T) {
	bare := map[string]wiretest.Response{}
	for _, l := range stacks() {
		srv := wiretest.Start(t, "HTTP/2", l.wrap(byRow(successes)))
		for why := range successes {
			a := wiretest.Send(t, srv, wiretest.Field("X-Row", why))
			for name := range a.Header {
				if addedFields.MatchString(name + ": x\r\n") {
					delete(a.Header, name)
				}
			}
			if l.name == "net/http" {
				bare[why] = a
				continue
			}
			where := why + " inside " + l.name
			assert.Equal(t, bare[why].StatusCode, a.StatusCode, where)
			assert.Equal(t, bare[why].Header, a.Header, where)
			assert.Equal(t, bare[why].Trailer, a.Trailer, where)
			assert.Equal(t, len(bare[why].Text), len(a.Text), where)
			assert.Equal(t, bare[why].Err == nil, a.Err == nil, where)
		}
	}
}

// Trailers of an error that passes, set when no byte is sent yet.
func TestTrailersOfAPassedErrorAreKept(t *testing.T) {
	begin := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/grpc-web+json")
		w.Header().Set("Trailer", "X-Sum, X-Never")
		w.WriteHeader(422)
	}
	for why, h := range map[string]http.HandlerFunc{
		"before the first byte": func(w http.ResponseWriter, r *http.Request) {
			begin(w)
			w.Header().Set("X-Sum", "1")
			io.WriteString(w, "{}")
		},
		"after the first byte": func(w http.ResponseWriter, r *http.Request) {
			begin(w)
			io.WriteString(w, "{}")
			w.Header().Set("X-Sum", "1")
		},
		"by prefix, before": func(w http.ResponseWriter, r *http.Request) {
			begin(w)
			w.Header().Set(http.TrailerPrefix+"X-Own", "1")
			io.WriteString(w, "{}")
		},
		"both times": func(w http.ResponseWriter, r *http.Request) {
			begin(w)
			w.Header().Add("X-Sum", "1")
			io.WriteString(w, "{}")
			w.(http.Flusher).Flush()
			w.Header().Add("X-Sum", "2")
		},
		"a field that is no trailer": func(w http.ResponseWriter, r *http.Request) {
			begin(w)
			w.Header().Set("X-Late", "1")
			w.Header().Set("X-Sum", "1")
			io.Copy(w, source(100))
		},
		"before a copy": func(w http.ResponseWriter, r *http.Request) {
			begin(w)
			io.Copy(w, emptySource())
			w.Header().Set("X-Sum", "1")
			io.Copy(w, source(100_000))
		},
	} {
		for _, protocol := range wiretest.Protocols {
			var bare wiretest.Response
			for _, l := range stacks() {
				a := wiretest.Get(t, protocol, l.wrap(h))
				if l.name == "net/http" {
					bare = a
					continue
				}
				assert.Equal(t, 422, a.StatusCode)
				assert.Equal(t, bare.Trailer, a.Trailer, "%s: %s inside %s", protocol, why, l.name)
				assert.Equal(t, bare.Text, a.Text, "%s: %s inside %s", protocol, why, l.name)
				assert.Equal(t, bare.Header.Get("X-Late"), a.Header.Get("X-Late"))
			}
		}
	}
}

// HEAD has the header of GET, also of an error that passes.
func TestHEADHasTheHeaderOfGETForAPassedError(t *testing.T) {
	upstream := wiretest.Start(t, "HTTP/1.1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set("ETag", `"x"`)
		w.Header().Set("Content-Length", "5")
		w.WriteHeader(404)
		io.WriteString(w, "<no/>")
	}))
	to, err := url.Parse(upstream.URL)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorLog = quietLog
	typed := func(w http.ResponseWriter, r *http.Request, length bool) {
		w.Header().Set("Content-Type", "application/vnd.error+json")
		if length {
			w.Header().Set("Content-Length", "2")
		}
		w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
		w.WriteHeader(410)
		if r.Method != "HEAD" {
			io.WriteString(w, "{}")
		}
	}
	for why, h := range map[string]http.Handler{
		"through ReverseProxy": proxy,
		"that writes no body":  http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { typed(w, r, true) }),
		"without a length":     http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { typed(w, r, false) }),
		"of a handler that heeds no method": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(403)
			io.WriteString(w, "<p>no</p>")
		}),
	} {
		for _, l := range stacks() {
			for _, protocol := range wiretest.Protocols {
				viaGET, viaHEAD := wiretest.Get(t, protocol, l.wrap(h)), wiretest.Get(t, protocol, l.wrap(h), wiretest.Method("HEAD"))
				bareHEAD := wiretest.Get(t, protocol, h, wiretest.Method("HEAD"))
				for _, name := range []string{"Content-Type", "Etag", "Last-Modified", "Cache-Control", "X-Content-Type-Options"} {
					assert.Equal(t, viaGET.Header.Get(name), viaHEAD.Header.Get(name), "%s, %s: %s inside %s", protocol, name, why, l.name)
				}
				assert.Equal(t, bareHEAD.Header.Get("Content-Length"), viaHEAD.Header.Get("Content-Length"), "%s: %s inside %s", protocol, why, l.name)
				assert.Equal(t, viaGET.StatusCode, viaHEAD.StatusCode)
			}
		}
	}
}

// The texts of plain errors, with and without nosniff.
func TestATextErrorIsAProblemHoweverItIsWritten(t *testing.T) {
	nosniff := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Content-Type-Options", "nosniff")
			next.ServeHTTP(w, r)
		})
	}
	lines := func(w io.Writer) { fmt.Fprintln(w, "one"); fmt.Fprintln(w, "two"); fmt.Fprint(w, "three") }
	for why, h := range map[string]http.HandlerFunc{
		"typed": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(404)
			lines(w)
		},
		"with its own nosniff": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain") // with a charset it would be http.Error
			w.Header().Set("X-Content-Type-Options", "nosniff")
			w.WriteHeader(404)
			lines(w)
		},
		"with a charset": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(404)
			lines(w)
		},
		"untyped": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404); lines(w) },
		"through ReadFrom": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(404)
			for _, s := range []string{"one\n", "two\n", "three"} {
				io.Copy(w, struct{ io.Reader }{strings.NewReader(s)})
			}
		},
		"with a length": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Length", "13")
			w.WriteHeader(404)
			lines(w)
		},
		"with a flush at its end": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(404)
			lines(w)
			w.(http.Flusher).Flush()
		},
	} {
		for _, protocol := range wiretest.Protocols {
			for name, outer := range map[string]func(http.Handler) http.Handler{"alone": middleware.Chain(), "inside nosniff": nosniff} {
				a := wiretest.Get(t, protocol, outer(normalize(h)))
				assert.Equal(t, 404, a.StatusCode)
				assert.Equal(t, "one\ntwo\nthree", a.Problem(t)["detail"], "%s: %s, %s", protocol, why, name)
				assert.Equal(t, "nosniff", strings.Join(a.Header["X-Content-Type-Options"], ","))
			}
		}
	}
}

func TestNoTextOfA5xxIsSent(t *testing.T) {
	for _, n := range []int{10, 4095, 4096, 4097, 10_000, 300_000} {
		text := strings.Repeat("secret pq: ", n/11+1)
		for why, h := range map[string]http.HandlerFunc{
			"http.Error": func(w http.ResponseWriter, r *http.Request) { http.Error(w, text, 500) },
			"in pieces": func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(503)
				for s := text; s != ""; s = s[min(len(s), 700):] {
					io.WriteString(w, s[:min(len(s), 700)])
				}
			},
			"typed, by ReadFrom": func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/plain")
				w.WriteHeader(502)
				io.Copy(w, struct{ io.Reader }{strings.NewReader(text)})
			},
			"with a length and flushes": func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/plain; charset=utf-8")
				w.Header().Set("Content-Length", fmt.Sprint(len(text)))
				w.WriteHeader(500)
				w.(http.Flusher).Flush()
				io.WriteString(w, text)
				w.(http.Flusher).Flush()
			},
			"a code that is none": func(w http.ResponseWriter, r *http.Request) { http.Error(w, text, 1234) },
			"then a panic":        func(w http.ResponseWriter, r *http.Request) { http.Error(w, text, 500); panic("secret") },
		} {
			for _, protocol := range wiretest.Protocols {
				a := wiretest.Get(t, protocol, middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet})(h))
				assert.NotContains(t, a.Text, "secret", "%s: %s, %d bytes", protocol, why, n)
				assert.GreaterOrEqual(t, a.StatusCode, 500)
				a.Problem(t)
			}
		}
	}
}

// A compressor written by hand, as the tutorials have it.
type compressor struct {
	http.ResponseWriter
	lazy bool // sets Content-Encoding with the status
	gz   *gzip.Writer
	sent bool
}

func (c *compressor) WriteHeader(code int) {
	if code >= 200 && c.lazy && !c.sent {
		c.sent = true
		if code != 204 && code != 304 {
			c.Header().Set("Content-Encoding", "gzip")
			c.Header().Del("Content-Length")
		}
	}
	c.ResponseWriter.WriteHeader(code)
}

func (c *compressor) Write(p []byte) (int, error) {
	if !c.sent {
		c.WriteHeader(200)
	}
	if c.gz == nil {
		c.Header().Del("Content-Length")
		c.gz = gzips.Get().(*gzip.Writer)
		c.gz.Reset(c.ResponseWriter)
	}
	return c.gz.Write(p)
}

func (c *compressor) Flush() {
	if c.gz != nil {
		c.gz.Flush()
	}
	http.NewResponseController(c.ResponseWriter).Flush()
}

var gzips = sync.Pool{New: func() any { return newGzip() }}

func newGzip() *gzip.Writer {
	gz, _ := gzip.NewWriterLevel(nil, gzip.HuffmanOnly) // the cheapest
	return gz
}

type unwrappingCompressor struct{ *compressor }

func (u unwrappingCompressor) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// compressors are the four kinds of compressor, each with a name.
func compressors() []layer {
	var all []layer
	for _, lazy := range []bool{false, true} {
		for _, unwraps := range []bool{false, true} {
			name := fmt.Sprintf("compressor lazy=%t Unwrap=%t", lazy, unwraps)
			all = append(all, layer{name, func(next http.Handler) http.Handler { return compress(next, lazy, unwraps) }})
		}
	}
	return all
}

func compress(next http.Handler, lazy, unwraps bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &compressor{ResponseWriter: w, lazy: lazy}
		if !lazy {
			w.Header().Set("Content-Encoding", "gzip")
			c.sent = true
		}
		w.Header().Add("Vary", "Accept-Encoding")
		defer func() {
			if c.gz != nil {
				c.gz.Close()
				gzips.Put(c.gz)
			}
		}()
		var wrapped http.ResponseWriter = c
		if unwraps {
			wrapped = unwrappingCompressor{c}
		}
		next.ServeHTTP(wrapped, r)
	})
}

// decoded returns the body as its Content-Encoding says it is to be read.
func decoded(h http.Header, body []byte) (string, error) {
	if h.Get("Content-Encoding") == "" || len(body) == 0 {
		return string(body), nil
	}
	zr, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return string(body), fmt.Errorf("%w: %.80q", err, body)
	}
	all, err := io.ReadAll(zr)
	return string(all), err
}

func TestACompressorBetweenTwoLayers(t *testing.T) {
	handlers := map[string]struct {
		h    http.HandlerFunc
		code int
		body string
	}{
		"a success": {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }, 200, "hello"},
		"a long success, flushed": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(202)
			io.Copy(w, source(5000))
			w.(http.Flusher).Flush()
			io.Copy(w, source(5000))
		}, 202, string(make([]byte, 10_000))},
		"a typed error": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(409)
			io.WriteString(w, `{"a":1}`)
		}, 409, `{"a":1}`},
		"a problem": {func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 403) }, 403, ""},
		"nothing":   {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }, 204, ""},
	}
	all := layers()
	kinds := compressors()
	for i, outer := range all {
		for j, inner := range all {
			c := kinds[(i+j)%len(kinds)] // each layer meets each kind
			for why, row := range handlers {
				rec, r := recorder()
				outer.wrap(c.wrap(inner.wrap(row.h))).ServeHTTP(rec, r)
				body, err := decoded(rec.Header(), rec.Body.Bytes())
				where := fmt.Sprintf("%s, %s around %s around %s", why, outer.name, c.name, inner.name)
				assert.NoError(t, err, where)
				assert.Equal(t, row.code, rec.Code, where)
				if why == "a problem" {
					assert.Contains(t, body, `"status":403`, where)
				} else {
					assert.Equal(t, row.body, body, where)
				}
			}
		}
	}
}

// As in the test above, but each layer is around a compressor and in one, and
// the error is one that Normalize replaces.
func TestAnErrorThroughACompressorIsAProblem(t *testing.T) {
	for _, c := range compressors() {
		for _, outer := range layers() {
			for why, h := range map[string]http.HandlerFunc{
				"an empty error": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) },
				"a panic":        func(w http.ResponseWriter, r *http.Request) { panic("secret") },
				"http.Error":     func(w http.ResponseWriter, r *http.Request) { http.Error(w, "secret", 503) },
				"a copy":         func(w http.ResponseWriter, r *http.Request) { io.Copy(w, brokenSource{}); respond.Error(w, 500) },
				"a typed text": func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "text/plain")
					w.WriteHeader(500)
					io.WriteString(w, "secret")
				},
			} {
				h := outer.wrap(c.wrap(middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet})(h)))
				for _, protocol := range wiretest.Protocols {
					if protocol == "HTTP/2" && outer.name != "Timeout" && outer.name != "AccessLog" {
						continue
					}
					a := wiretest.Get(t, protocol, h, wiretest.Field("Accept-Encoding", "gzip"))
					require.NoError(t, a.Err)
					body, err := decoded(a.Header, []byte(a.Text))
					where := fmt.Sprintf("%s: %s, %s around %s", protocol, why, outer.name, c.name)
					assert.NoError(t, err, where)
					assert.Contains(t, body, fmt.Sprintf(`"status":%d`, a.StatusCode), where)
					assert.NotContains(t, body, "secret", where)
				}
			}
		}
	}
}

// A framework may learn of an error when the handlers have returned, and respond
// through the ResponseWriter that the innermost of them had.
func TestALateResponseIsSent(t *testing.T) {
	late := func(mw func(http.Handler) http.Handler, send http.HandlerFunc) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			inner := w
			mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { inner = w })).ServeHTTP(w, r)
			send(inner, r)
		})
	}
	for why, send := range map[string]http.HandlerFunc{
		"a typed error": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(404)
			io.WriteString(w, `{"message":"Not Found"}`)
		},
		"http.Error":       func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", 403) },
		"an empty error":   func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(418) },
		"respond.Error":    func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 409) },
		"a copied success": func(w http.ResponseWriter, r *http.Request) { io.Copy(w, source(3000)) },
		"a flush": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(202)
			http.NewResponseController(w).Flush()
			io.WriteString(w, "abc")
		},
	} {
		for _, protocol := range wiretest.Protocols {
			var bare wiretest.Response
			for _, l := range stacks() {
				a := wiretest.Get(t, protocol, late(l.wrap, send))
				require.NoError(t, a.Err)
				if l.name == "net/http" {
					bare = a
					continue
				}
				where := fmt.Sprintf("%s: %s after %s", protocol, why, l.name)
				assert.Equal(t, bare.StatusCode, a.StatusCode, where)
				assert.Equal(t, bare.Text, a.Text, where)
				assert.Equal(t, bare.Header.Get("Content-Type"), a.Header.Get("Content-Type"), where)
			}
		}
	}
}

// A proxy passes on fields that an outer layer has set, too: one of each leaves.
func TestAProxyDuplicatesNoField(t *testing.T) {
	limit := func(n int) func(http.Handler) http.Handler {
		return ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerMinute(n), Key: ratelimit.Everyone})
	}
	inner := middleware.Chain(middleware.RequestID, limit(1000))
	for why, h := range map[string]http.HandlerFunc{
		"a success":          func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") },
		"a flushed success":  func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush(); io.WriteString(w, "hello") },
		"a problem":          func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 404) },
		"nothing":            func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(304) },
		"a hint":             func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(103); io.WriteString(w, "hello") },
		"an error of 5xx":    func(w http.ResponseWriter, r *http.Request) { http.Error(w, "x", 502) },
		"a response by copy": func(w http.ResponseWriter, r *http.Request) { io.Copy(w, source(50_000)) },
	} {
		upstream := wiretest.Start(t, "HTTP/1.1", inner(h))
		to, err := url.Parse(upstream.URL)
		require.NoError(t, err)
		proxy := httputil.NewSingleHostReverseProxy(to)
		proxy.ErrorLog = quietLog
		for name, outer := range map[string]func(http.Handler) http.Handler{
			"alone":                   middleware.Chain(),
			"Normalize":               middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet}),
			"Normalize and Timeout":   middleware.Chain(middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet}), middleware.Timeout(never)),
			"Timeout":                 middleware.Timeout(never),
			"AccessLog and Recover":   middleware.Chain(middleware.AccessLogWith(middleware.AccessLogOptions{Logger: quiet}), middleware.Recover),
			"MaxBytes, clientip":      middleware.Chain(middleware.MaxBytes(100), clientip.Source(clientip.Direct).Wrap),
			"what hides all":          func(next http.Handler) http.Handler { return hide(next) },
			"what hides all but this": plainWrapper,
		} {
			var id string
			see := func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					id = middleware.RequestIDFrom(r.Context())
					next.ServeHTTP(w, r)
				})
			}
			for _, protocol := range wiretest.Protocols {
				a := wiretest.Get(t, protocol, middleware.Chain(middleware.RequestID, see, limit(77), outer)(proxy))
				where := fmt.Sprintf("%s: %s through %s", protocol, why, name)
				assert.Equal(t, []string{id}, a.Header["X-Request-Id"], where)
				assert.Len(t, a.Header["Ratelimit"], 1, where)
				assert.Len(t, a.Header["Ratelimit-Policy"], 1, where)
				assert.Contains(t, a.Header.Get("Ratelimit-Policy"), "q=77", where)
			}
		}
	}
}

func hide(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(struct{ http.ResponseWriter }{w}, r) })
}

// upgrader is a base with a method beyond those of net/http.
type upgrader struct{ *httptest.ResponseRecorder }

func (upgrader) WebTransport() string { return "session" }

func TestUnlessLeavesTheWriterOfTheBase(t *testing.T) {
	for _, l := range stacks() {
		called := false
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			called = true
			_, ok := w.(interface{ WebTransport() string })
			assert.True(t, ok, l.name)
			_, deadline := r.Context().Deadline()
			assert.False(t, deadline, l.name)
		})
		skip := func(r *http.Request) bool { return r.URL.Path == "/" }
		rec, r := recorder()
		middleware.Unless(skip, l.wrap)(h).ServeHTTP(upgrader{rec}, r)
		assert.True(t, called)
		assert.Empty(t, rec.Header(), l.name)
	}
	assert.Panics(t, func() { middleware.Unless(nil, middleware.Normalize) })
	assert.Panics(t, func() { middleware.Unless(func(*http.Request) bool { return true }, nil) })
}

func TestNoDetailIsUntrue(t *testing.T) {
	for why, h := range map[string]http.Handler{
		"an empty 405":  http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(405) }),
		"a 405 of text": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "", 405) }),
		"respond.Error": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 405) }),
		"respond.Fail": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			quietResponder.Fail(w, r, fmt.Errorf("x: %w", errors.ErrUnsupported))
		}),
		"401":            http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(401) }),
		"407":            http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 407) }),
		"426":            http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 426) }),
		"416":            http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 416) }),
		"429":            http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 429) }),
		"503":            http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 503) }),
		"300":            http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 305) }),
		"a prepared 405": respond.Prepare(problem.New(405)),
	} {
		for _, mw := range []func(http.Handler) http.Handler{middleware.Chain(), normalize} {
			a := wiretest.Get(t, "HTTP/1.1", mw(h))
			for _, name := range []string{"Allow", "WWW-Authenticate", "Proxy-Authenticate", "Upgrade", "Retry-After", "Content-Range", "Location"} {
				if strings.Contains(a.Text, name+" field") && a.Header.Get(name) == "" {
					t.Errorf("%s: the body speaks of %s: %s", why, name, a.Text)
				}
			}
		}
	}
	for _, wait := range []time.Duration{1, time.Second, time.Second + 1, 1<<63 - 1, 1<<63 - 1 - time.Second + 2} {
		for _, code := range []int{429, 503} {
			a := wiretest.Get(t, "HTTP/1.1", middleware.NormalizeWith(middleware.NormalizeOptions{RetryAfter: wait})(http.HandlerFunc(
				func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) })))
			assert.Regexp(t, `^[1-9][0-9]*$`, a.Header.Get("Retry-After"), wait)
		}
	}
	m := new(middleware.Maintenance)
	for why, end := range map[string]time.Time{"far": time.Unix(1<<40, 0), "past": time.Unix(1, 0), "the greatest": time.Unix(1<<62, 0)} {
		m.Start(end)
		a := wiretest.Get(t, "HTTP/1.1", m.Wrap(http.NotFoundHandler()))
		assert.NotContains(t, a.Header.Get("Retry-After"), "-", why)
		assert.Equal(t, 503, a.StatusCode)
	}
}

// A compressor outside has named its coding before the handler names another one
// for the body that it does not send.
func TestAProblemHasTheCodingOfTheCompressor(t *testing.T) {
	brotli := func(h func(w http.ResponseWriter, r *http.Request) error) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			_ = h(w, r)
		})
	}
	fails := map[string]http.Handler{
		"respond.Error": brotli(func(w http.ResponseWriter, r *http.Request) error { respond.Error(w, 500); return nil }),
		"respond.Fail": brotli(func(w http.ResponseWriter, r *http.Request) error {
			quietResponder.Fail(w, r, io.ErrUnexpectedEOF)
			return nil
		}),
		"respond.Handler": quietResponder.Handler(func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Content-Encoding", "br")
			return io.ErrUnexpectedEOF
		}),
		"respond.Handler, which lost it": quietResponder.Handler(func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Del("Content-Encoding")
			return io.ErrUnexpectedEOF
		}),
		"a panic":    brotli(func(http.ResponseWriter, *http.Request) error { panic("oops") }),
		"http.Error": brotli(func(w http.ResponseWriter, r *http.Request) error { http.Error(w, "x", 500); return nil }),
	}
	recovers := middleware.RecoverWith(middleware.RecoverOptions{Logger: quiet})
	for name, h := range fails {
		for _, l := range []layer{
			{"Normalize", normalizeQuietly},
			{"Recover", recovers},
			{"Recover, Timeout", middleware.Chain(recovers, middleware.Timeout(never))},
			{"Normalize, Timeout", middleware.Chain(normalizeQuietly, middleware.Timeout(never))},
			{"Timeout, Normalize", middleware.Chain(middleware.Timeout(never), normalizeQuietly)},
			{"Capture, Normalize, Recover", middleware.Chain(middleware.Capture(nothing), normalizeQuietly, recovers)},
		} {
			if name == "http.Error" && !strings.Contains(l.name, "Normalize") {
				continue // is the handler's
			}
			for _, protocol := range wiretest.Protocols {
				a := wiretest.Get(t, protocol, l.wrap(h))
				assert.EqualValues(t, 500, a.Problem(t)["status"], "%s in %s", name, l.name)
				assert.Empty(t, a.Header["Content-Encoding"], "%s in %s", name, l.name)

				a = wiretest.Get(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Encoding", "gzip")
					z := gzip.NewWriter(w)
					defer z.Close()
					l.wrap(h).ServeHTTP(compressing{w, z}, r)
				}), wiretest.Field("Accept-Encoding", "gzip"))
				assert.Equal(t, []string{"gzip"}, a.Header["Content-Encoding"], "%s in %s", name, l.name)
				z, err := gzip.NewReader(strings.NewReader(a.Text))
				require.NoError(t, err, "%s in %s", name, l.name)
				text, err := io.ReadAll(z)
				require.NoError(t, err)
				assert.Contains(t, string(text), `"status":500`, "%s in %s", name, l.name)
			}
		}
	}
}

// compressing is the writer of a compressor that names its coding at once.
type compressing struct {
	http.ResponseWriter
	z *gzip.Writer
}

func (c compressing) Write(p []byte) (int, error) { return c.z.Write(p) }
