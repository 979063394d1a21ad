package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/felixge/httpsnoop"
	chi "github.com/go-chi/chi/v5/middleware"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

var normalizeSmall = work{
	name:   "NormalizeSmall",
	title:  "normalize: a small success passes",
	bounds: "what every request pays so that the few that fail are told properly",
	base:   chiTimed,
	bar:    bar{ratio: 1, allocs: 1},
	all: func() []contender {
		return normalizers(small(http.StatusOK), smallResponse(http.StatusOK))
	},
}

var normalizeLarge = work{
	name:   "NormalizeLarge",
	title:  "normalize: a success of 32 KiB in 8 writes passes",
	bounds: "that no body is held back: buffering costs as much as the body is long",
	base:   chiTimed,
	bar:    bar{ratio: 1, allocs: 1},
	all: func() []contender {
		block := bytes.Repeat([]byte("0123456789abcdef"), 4096/16)
		return normalizers(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = binaryType
			for range 8 {
				_, _ = w.Write(block)
			}
		}, expected{
			status: 200, header: map[string]string{"Content-Type": "application/octet-stream"},
			body: strings.Repeat(string(block), 8),
		})
	},
}

var normalizeError = work{
	name:   "NormalizeError",
	title:  "normalize: http.Error's 503 becomes a problem",
	bounds: "an error whose text is not for the client",
	base:   "direct",
	bar:    bar{ratio: 2.0},
	all: func() []contender {
		return normalizers(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "Service Unavailable", http.StatusServiceUnavailable)
		}, unavailable(""))
	},
}

var normalizeText = work{
	name:   "NormalizeText",
	title:  "normalize: http.Error's 404 becomes a problem with its text",
	bounds: "an error whose text the client may read, so that it is encoded each time",
	base:   "direct",
	bar:    bar{ratio: 2.6},
	all: func() []contender {
		return normalizers(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, missing, 404)
		}, expected{
			status: 404, header: map[string]string{"Content-Type": problem.MediaType},
			members: map[string]any{"type": "about:blank", "title": "Not Found", "status": 404.0, "detail": missing},
		})
	},
}

const missing = "no order has this number"

// silent is the logger of Normalize, which logs the texts of server errors.
var silent = slog.New(slog.DiscardHandler)

var binaryType = []string{"application/octet-stream"}

// normalizers are the ways to build it. No library has it, so that the peers are what a
// user would write on top of their wrappers. All but direct must respond with want.
func normalizers(h http.HandlerFunc, want expected) []contender {
	direct := want
	if want.status >= 400 {
		direct.header, direct.members = text, nil
		direct.body = "Service Unavailable\n"
		if want.status == 404 {
			direct.body = missing + "\n"
		}
	}
	return []contender{
		served("direct", "normalizes nothing", direct, h),
		served("floor.stream", "one struct; decides when the status comes; sends a document made beforehand, with Content-Type alone", want, streamed(h, fixedDocument(want))),
		served(chiTimed, "WrapResponseWriter and two readings of the clock; normalizes nothing", direct, timed(h)),
		served("httptest.Recorder", "buffers the whole body; a problem gets Content-Type alone", want, recorded(h)),
		served("chi", "WrapResponseWriter with Tee and Discard: buffers the whole body; Content-Type alone", want, teed(h)),
		served("httpsnoop", "a hook for WriteHeader and one for Write; none for ReadFrom; Content-Type alone", want, hooked(h)),
		served(ours, "also panics, empty errors, Content-Length, nosniff, no-store, Vary", want, middleware.NormalizeWith(middleware.NormalizeOptions{Logger: silent})(h)),
		served(ours+"+Capture", "the same around a Capture, which shares its writer", want,
			middleware.NormalizeWith(middleware.NormalizeOptions{Logger: silent})(middleware.Capture(func(*http.Request, middleware.Result) {})(h))),
	}
}

// fixedDocument returns the bytes of the expected problem, or nil for another response.
func fixedDocument(want expected) []byte {
	if want.members == nil {
		return nil
	}
	document, err := json.Marshal(want.members)
	if err != nil {
		panic(err)
	}
	return document
}

// rewrite sends the problem for a text error. The peers share it, so that they differ only
// in how they learn the status.
func rewrite(w http.ResponseWriter, code int, text []byte) {
	s := status.Nearest(code)
	d := problem.Details{Title: s.Reason, Status: code, Detail: s.Description}
	if code < 500 {
		d.Detail = string(bytes.TrimSpace(text))
	}
	body, _ := d.AppendJSON(make([]byte, 0, 256))
	h := w.Header()
	delete(h, "Content-Length")
	h["Content-Type"] = []string{problem.MediaType}
	w.WriteHeader(code)
	_, _ = w.Write(body)
}

func isTextError(code int, h http.Header) bool {
	return code >= 400 && strings.HasPrefix(h.Get("Content-Type"), "text/plain")
}

func streamed(next http.Handler, document []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&stream{ResponseWriter: w, document: document}, r)
	})
}

// stream is the smallest wrapper that normalizes without buffering.
type stream struct {
	http.ResponseWriter
	document []byte
	replaced bool
}

func (s *stream) WriteHeader(code int) {
	if !isTextError(code, s.Header()) {
		s.ResponseWriter.WriteHeader(code)
		return
	}
	s.replaced = true
	h := s.Header()
	delete(h, "Content-Length")
	h["Content-Type"] = []string{problem.MediaType}
	s.ResponseWriter.WriteHeader(code)
	_, _ = s.ResponseWriter.Write(s.document)
}

func (s *stream) Write(p []byte) (int, error) {
	if s.replaced {
		return len(p), nil
	}
	return s.ResponseWriter.Write(p)
}

func timed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		next.ServeHTTP(chi.NewWrapResponseWriter(w, r.ProtoMajor), r)
		_ = time.Since(start)
	})
}

func recorded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		finish(w, rec.Code, rec.Body.Bytes())
	})
}

func teed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		c := chi.NewWrapResponseWriter(w, r.ProtoMajor)
		c.Tee(&body)
		c.Discard()
		next.ServeHTTP(c, r)
		finish(w, c.Status(), body.Bytes())
	})
}

// finish sends the buffered response.
func finish(w http.ResponseWriter, code int, body []byte) {
	if isTextError(code, w.Header()) {
		rewrite(w, code, body)
		return
	}
	w.WriteHeader(code)
	_, _ = w.Write(body)
}

func hooked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		held := 0
		next.ServeHTTP(httpsnoop.Wrap(w, httpsnoop.Hooks{
			WriteHeader: func(original httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
				return func(code int) {
					if isTextError(code, w.Header()) {
						held = code
						return
					}
					original(code)
				}
			},
			Write: func(original httpsnoop.WriteFunc) httpsnoop.WriteFunc {
				return func(p []byte) (int, error) {
					if held != 0 {
						rewrite(w, held, p)
						held = 0
						return len(p), nil
					}
					return original(p)
				}
			},
		}), r)
		if held != 0 {
			rewrite(w, held, nil)
		}
	})
}
