package integration_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	coder "github.com/coder/websocket"
	chimiddleware "github.com/go-chi/chi/v5/middleware"
	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
)

// compressors are middleware that compresses, each with the coding that its client
// accepts.
var compressors = []struct {
	name, coding string
	middleware   middlewareFunc
}{
	{"gzhttp", "gzip", func(next http.Handler) http.Handler { return gzhttp.GzipHandler(next) }},
	{"gzhttp zstd", "zstd", func(next http.Handler) http.Handler {
		wrap, err := gzhttp.NewWrapper(gzhttp.EnableZstd(true), gzhttp.MinSize(0))
		if err != nil {
			panic(err)
		}
		return wrap(next)
	}},
	{"chi Compress", "gzip", chimiddleware.Compress(5, compressed...)},
	{"chi Compress brotli", "br", chiCompress("br", func(w io.Writer, level int) io.Writer {
		return brotli.NewWriterLevel(w, level)
	})},
	{"chi Compress zstd", "zstd", chiCompress("zstd", func(w io.Writer, _ int) io.Writer {
		e, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		if err != nil {
			panic(err)
		}
		return e
	})},
}

// compressed are the media types that chi compresses here. Its default list does not
// have application/problem+json.
var compressed = []string{"text/plain", "application/json", problem.MediaType}

func chiCompress(coding string, f chimiddleware.EncoderFunc) middlewareFunc {
	c := chimiddleware.NewCompressor(5, compressed...)
	c.SetEncoder(coding, f)
	return c.Handler
}

func decode(t *testing.T, coding, body string) string {
	t.Helper()
	var r io.Reader = strings.NewReader(body)
	switch coding {
	case "gzip":
		z, err := gzip.NewReader(r)
		require.NoError(t, err)
		r = z
	case "br":
		r = brotli.NewReader(r)
	case "zstd":
		z, err := zstd.NewReader(r)
		require.NoError(t, err)
		defer z.Close()
		r = z
	case "":
	default:
		t.Fatalf("coding %q", coding)
	}
	b, err := io.ReadAll(r)
	require.NoError(t, err, "the body has the coding that its header names: %q", body)
	return string(b)
}

// long is long enough to be compressed.
var long = strings.Repeat(`{"an":"order"}`+"\n", 500)

// codedRoutes have responses that a compressor may break.
func codedRoutes() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /long", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, long)
	})
	m.HandleFunc("GET /flushed", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, long[:100])
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, long[100:])
	})
	m.HandleFunc("GET /sized", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", fmt.Sprint(len(long)))
		w.Header().Set("Etag", `"1"`)
		_, _ = io.WriteString(w, long)
	})
	m.HandleFunc("GET /empty", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	m.HandleFunc("GET /failed", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000") // of the success
		http.Error(w, strings.Repeat("secret ", 500), 500)
	})
	m.HandleFunc("GET /refused", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "There is no such order.", 404) })
	m.HandleFunc("GET /bare", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	m.HandleFunc("GET /panics", panics)
	m.Handle("GET /fails", fails)
	m.Handle("GET /late", late)
	m.HandleFunc("GET /cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, long)
		_ = http.NewResponseController(w).Flush()
		panic(errSecret)
	})
	return m
}

// Each compressor is tested at each place of the chain: every success is the same when
// it is decoded, and every error is a problem. Its detail is the text of the handler
// only if Normalize reads that before it is compressed, with the compressor outside.
func TestCompressorsStandAnywhere(t *testing.T) {
	for _, c := range compressors {
		for place := range 8 {
			t.Run(fmt.Sprintf("%s at %d", c.name, place), func(t *testing.T) {
				t.Parallel()
				checkCompressor(t, c.coding, place < 2, func(s *service) http.Handler {
					layers := []middlewareFunc{
						s.outer,
						s.normalize,
						new(middleware.Maintenance).Wrap,
						ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerSecond(1000), Key: ratelimit.ByIP(clientip.Direct)}),
						middleware.MaxBytes(1000),
						middleware.Timeout(time.Minute),
						middleware.Recover,
					}
					return middleware.Chain(slices.Insert(layers, place, c.middleware)...)(codedRoutes())
				})
			})
		}
	}
}

func checkCompressor(t *testing.T, coding string, outside bool, build func(*service) http.Handler) {
	s := &service{t: t, ended: make(chan struct{}, 1000)}
	s.serve(build(s))
	for _, proto := range protocols {
		clients := s.client(proto)
		get := func(path string) (exchange, string) {
			r, err := http.NewRequest("GET", s.srv.URL+path, nil)
			require.NoError(t, err)
			r.Header.Set("Accept-Encoding", coding)
			e := s.send(clients, r)
			if path == "/cut" {
				return e, ""
			}
			require.NoError(t, e.readErr, path)
			return e, decode(t, e.Header.Get("Content-Encoding"), e.body)
		}
		for _, path := range []string{"/long", "/flushed", "/sized"} {
			e, body := get(path)
			assert.Equal(t, 200, e.StatusCode, path)
			assert.Equal(t, long, body, path)
			assert.Equal(t, coding, e.Header.Get("Content-Encoding"), path)
			assert.Contains(t, strings.Join(e.Header.Values("Vary"), ","), "Accept-Encoding", path)
			assert.Less(t, len(e.body), len(long)/2, path)
		}
		e, _ := get("/empty")
		assert.Equal(t, 204, e.StatusCode)

		for path, code := range map[string]int{"/failed": 500, "/refused": 404, "/bare": 503, "/panics": 500, "/fails": 500, "/nowhere": 404} {
			e, body := get(path)
			assert.Equal(t, code, e.StatusCode, path)
			assert.Equal(t, problem.MediaType, e.Header.Get("Content-Type"), path)
			assert.NotContains(t, body, "secret", path)
			d := new(problem.Details)
			require.NoError(t, json.Unmarshal([]byte(body), d), "%s: %q", path, body)
			assert.Equal(t, code, d.Status, path)
			if path == "/refused" && outside {
				assert.Equal(t, "There is no such order.", d.Detail)
			}
			assert.Equal(t, code, e.result.Status, path)
		}
		_, body := get("/late")
		assert.Equal(t, "begun", body)
		e, _ = get("/cut")
		if e.readErr == nil {
			_, err := io.ReadAll(decoder(coding, e.body))
			assert.Error(t, err, "a response that was cut short does not look complete")
		}
		assert.NotContains(t, e.body, "secret")
	}
}

// decoder is decode for a body that may be malformed.
func decoder(coding, body string) io.Reader {
	switch coding {
	case "gzip":
		if z, err := gzip.NewReader(strings.NewReader(body)); err == nil {
			return z
		}
	case "br":
		return brotli.NewReader(strings.NewReader(body))
	case "zstd":
		if z, err := zstd.NewReader(strings.NewReader(body)); err == nil {
			return z
		}
	}
	return bytes.NewReader(nil)
}

// A handler that compresses is inside all layers.
func TestHandlerMayCompressByItself(t *testing.T) {
	s := inside(t, func(chain middlewareFunc) http.Handler {
		return chain(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			z := brotli.HTTPCompressor(w, r)
			defer z.Close()
			if r.URL.Path == "/fails" {
				http.Error(w, errSecret.Error(), 500) // and leaves the Content-Encoding in the header
				return
			}
			_, _ = io.WriteString(z, long)
		}))
	})
	for _, proto := range protocols {
		e := s.do(proto, "GET", "/", "Accept-Encoding", "br")
		assert.Equal(t, "br", e.Header.Get("Content-Encoding"))
		assert.Equal(t, long, decode(t, "br", e.body))
		s.isProblem(s.do(proto, "GET", "/fails", "Accept-Encoding", "br"), 500)
	}
}

func TestWebSocketWorksInACompressor(t *testing.T) {
	for _, c := range compressors {
		t.Run(c.name, func(t *testing.T) {
			s := inside(t, func(chain middlewareFunc) http.Handler {
				return c.middleware(chain(c.middleware(http.HandlerFunc(coderEcho))))
			})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			conn, _, err := coder.Dial(ctx, s.srv.URL, &coder.DialOptions{HTTPClient: s.client("HTTP/1.1"),
				HTTPHeader: http.Header{"Accept-Encoding": {c.coding}}})
			require.NoError(t, err)
			defer conn.CloseNow()
			require.NoError(t, conn.Write(ctx, coder.MessageText, []byte("hello")))
			_, got, err := conn.Read(ctx)
			require.NoError(t, err)
			assert.Equal(t, "hello", string(got))
		})
	}
}
