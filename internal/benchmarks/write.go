package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/go-chi/render"
	"github.com/moogar0880/problems"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
	"github.com/rejoinder-go/rejoinder/respond"
)

var writeStatus = work{
	name:   "WriteStatus",
	title:  "write 503 without detail",
	bounds: "the cost of a refusal with only a status code",
	base:   "http.Error",
	bar:    bar{ratio: 0.45, allocs: 1},
	all:    func() []contender { return statusWriters(served) },
}

var writeStatusBehind = work{
	name:   "WriteStatusBehind",
	title:  "write 503 without detail behind four fields of middleware",
	bounds: "the same with a header that is not empty, as in every service, so that it has to be searched for stale fields",
	base:   "http.Error",
	bar:    bar{ratio: 1, allocs: 1},
	all: func() []contender {
		return statusWriters(func(name, note string, want expected, h http.Handler) contender {
			return served(name, note, want, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				header := w.Header()
				for _, field := range middlewareFields {
					header[field] = middlewareValue
				}
				h.ServeHTTP(w, r)
			}))
		})
	},
}

var (
	middlewareFields = [...]string{"X-Request-Id", "Ratelimit-Policy", "Ratelimit", "Vary"}
	middlewareValue  = []string{"value"}
)

func statusWriters(served func(name, note string, want expected, h http.Handler) contender) []contender {
	body := []byte(`{"type":"about:blank","title":"Service Unavailable","status":503}`)
	api, op := newHuma()
	servedFunc := func(name, note string, want expected, h http.HandlerFunc) contender {
		return served(name, note, want, h)
	}
	return []contender{
		servedFunc("http.Error", "text/plain, not a problem document", plain, func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "Service Unavailable", http.StatusServiceUnavailable)
		}),
		servedFunc("floor.prepared", "only Content-Type, body made beforehand", unavailable(""), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", problem.MediaType)
			w.WriteHeader(503)
			_, _ = w.Write(body)
		}),
		servedFunc("floor.shared", "the same with a header value that all requests share: unsafe", unavailable(""), func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = sharedType
			w.WriteHeader(503)
			_, _ = w.Write(body)
		}),
		servedFunc("json.Marshal", "hand-written struct", unavailable(""), func(w http.ResponseWriter, _ *http.Request) {
			marshalled(w, &document{"about:blank", "Service Unavailable", 503, ""})
		}),
		servedFunc("moogar0880", "", unavailable(""), func(w http.ResponseWriter, r *http.Request) {
			problems.ProblemHandler(problems.NewStatusProblem(503))(w, r)
		}),
		servedFunc("huma", "WriteErr; leaves out type", unavailable("", "type"), func(w http.ResponseWriter, r *http.Request) {
			_ = huma.WriteErr(api, humago.NewContext(op, r, w), 503, "")
		}),
		servedFunc("chi/render", "application/json: it overwrites the media type", asJSON(unavailable("")), func(w http.ResponseWriter, r *http.Request) {
			rendered(w, r, &document{"about:blank", "Service Unavailable", 503, ""})
		}),
		servedFunc(ours, "also Content-Length, nosniff, no-store and the documented description", unavailable("*"), func(w http.ResponseWriter, _ *http.Request) {
			respond.Error(w, 503)
		}),
	}
}

var writeDetail = work{
	name:   "WriteDetail",
	title:  "write 503 with a detail",
	bounds: "the same with a text that only the request determines",
	base:   "http.Error",
	bar:    bar{ratio: 0.9, allocs: 1},
	all: func() []contender {
		api, op := newHuma()
		var buffers = sync.Pool{New: func() any { return new([]byte) }}
		return []contender{
			servedFunc("http.Error", "text/plain, not a problem document", expected{
				status: 503, header: plain.header, body: detail + "\n",
			}, func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, detail, http.StatusServiceUnavailable)
			}),
			servedFunc("floor.append", "only Content-Type, into a pooled buffer", unavailable(detail), func(w http.ResponseWriter, _ *http.Request) {
				p := buffers.Get().(*[]byte)
				b := append((*p)[:0], `{"type":"about:blank","title":"Service Unavailable","status":503,"detail":`...)
				b = append(appendEscaped(append(b, '"'), detail), `"}`...)
				w.Header()["Content-Type"] = sharedType
				w.WriteHeader(503)
				_, _ = w.Write(b)
				*p = b
				buffers.Put(p)
			}),
			servedFunc("json.Marshal", "hand-written struct", unavailable(detail), func(w http.ResponseWriter, _ *http.Request) {
				marshalled(w, &document{"about:blank", "Service Unavailable", 503, detail})
			}),
			servedFunc("moogar0880", "", unavailable(detail), func(w http.ResponseWriter, r *http.Request) {
				problems.ProblemHandler(problems.NewDetailedProblem(503, detail))(w, r)
			}),
			servedFunc("huma", "WriteErr; leaves out type", unavailable(detail, "type"), func(w http.ResponseWriter, r *http.Request) {
				_ = huma.WriteErr(api, humago.NewContext(op, r, w), 503, detail)
			}),
			servedFunc("chi/render", "application/json: it overwrites the media type", asJSON(unavailable(detail)), func(w http.ResponseWriter, r *http.Request) {
				rendered(w, r, &document{"about:blank", "Service Unavailable", 503, detail})
			}),
			servedFunc(ours, "also Content-Length, nosniff and no-store", unavailable(detail), func(w http.ResponseWriter, _ *http.Request) {
				respond.Error(w, 503, problem.Detail(detail))
			}),
		}
	},
}

// appendEscaped is enough for ASCII.
func appendEscaped(b []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, c)
		}
	}
	return b
}

// detail is a text that only the request determines. It is a variable, so that it
// cannot be encoded beforehand.
var detail = "the pool of connections is exhausted: 17 of 17 in use"

var sharedType = []string{problem.MediaType}

var plain = expected{
	status: 503,
	header: map[string]string{"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"},
	body:   "Service Unavailable\n",
}

// unavailable is the expected problem, without the members that a contender leaves out.
// The detail "*" is the documented description.
func unavailable(detail string, without ...string) expected {
	members := map[string]any{"type": "about:blank", "title": "Service Unavailable", "status": 503.0}
	switch detail {
	case "":
	case "*":
		s, _ := status.Lookup(503)
		members["detail"] = s.Description
	default:
		members["detail"] = detail
	}
	for _, name := range without {
		delete(members, name)
	}
	return expected{status: 503, header: map[string]string{"Content-Type": problem.MediaType}, members: members}
}

func asJSON(a expected) expected {
	a.header = map[string]string{"Content-Type": "application/json"}
	return a
}

// document is the struct of hand-written code.
type document struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

func marshalled(w http.ResponseWriter, d *document) {
	b, err := json.Marshal(d)
	if err != nil {
		http.Error(w, "", 500)
		return
	}
	w.Header().Set("Content-Type", problem.MediaType)
	w.WriteHeader(d.Status)
	_, _ = w.Write(b)
}

// rendered responds with chi/render. It restores the request afterwards, whose
// context render.Status would otherwise make longer with each iteration.
func rendered(w http.ResponseWriter, r *http.Request, d *document) {
	before := *r
	render.Status(r, d.Status)
	render.JSON(w, r, d)
	*r = before
}

func newHuma() (huma.API, *huma.Operation) {
	config := huma.DefaultConfig("orders", "1")
	config.CreateHooks = nil // they would add a $schema member and a Link field
	return humago.New(http.NewServeMux(), config), &huma.Operation{OperationID: "order", Method: http.MethodGet, Path: path}
}
