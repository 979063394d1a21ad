package matrix_test

import (
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/race"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/middlewaretest/conformance"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/require"
)

// What respond logs by itself, outside of all layers, would bury the findings.
func TestMain(m *testing.M) {
	slog.SetDefault(matrixLog)
	m.Run()
}

// required are the header fields that a response with the code must or should
// have, as a handler that knows what it does sets them.
func required(code int) http.Header {
	h := http.Header{}
	switch code {
	case 101, 426:
		h.Set("Upgrade", "example/1")
		h.Set("Connection", "Upgrade")
	case 201, 301, 302, 303, 307, 308:
		h.Set("Location", "/orders/17")
	case 206:
		h.Set("Content-Range", "bytes 0-9/20")
	case 226:
		h.Set("Im", "feed")
		h.Set("Etag", `"17"`)
	case 401:
		h.Set("Www-Authenticate", `Basic realm="orders"`)
	case 405:
		h.Set("Allow", "DELETE")
	case 407:
		h.Set("Proxy-Authenticate", `Basic realm="orders"`)
	case 416:
		h.Set("Content-Range", "bytes */20")
	case 451:
		h.Set("Link", `<https://example.com/>; rel="blocked-by"`)
	}
	return h
}

// ways are how a handler comes to a response with a code.
var ways = map[string]func(w http.ResponseWriter, r *http.Request, code int){
	"error": func(w http.ResponseWriter, r *http.Request, code int) {
		respond.Error(w, code, withFields(code)...)
	},
	"fail": func(w http.ResponseWriter, r *http.Request, code int) {
		respond.Fail(w, r, problem.New(code, withFields(code)...))
	},
	"problem": func(w http.ResponseWriter, r *http.Request, code int) {
		respond.Problem(w, r, problem.New(code, withFields(code)...))
	},
	"typed": func(w http.ResponseWriter, r *http.Request, code int) {
		respond.Problem(w, r, typed[code].New(withFields(code)...))
	},
	"text": func(w http.ResponseWriter, r *http.Request, code int) {
		addFields(w, code)
		http.Error(w, "no order", code)
	},
	"empty": func(w http.ResponseWriter, r *http.Request, code int) {
		addFields(w, code)
		w.WriteHeader(code)
	},
	"panic": func(w http.ResponseWriter, r *http.Request, code int) {
		addFields(w, code)
		w.WriteHeader(code)
		panic("secret")
	},
	"json": func(w http.ResponseWriter, r *http.Request, code int) {
		addFields(w, code)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, `{"id": 17}`)
	},
}

// typed has a problem type for each code.
var typed = func() map[int]*problem.Type {
	all := map[int]*problem.Type{}
	for s := range status.All() {
		all[s.Code] = problem.Define("https://example.com/probs/"+strconv.Itoa(s.Code), "A problem of the order", s.Code, "")
	}
	return all
}()

func withFields(code int) (opts []problem.Option) {
	for name, values := range required(code) {
		for _, v := range values {
			opts = append(opts, problem.Header(name, v))
		}
	}
	return opts
}

func addFields(w http.ResponseWriter, code int) {
	for name, values := range required(code) {
		w.Header()[name] = values
	}
}

// everyWay serves /way/code.
func everyWay() http.Handler {
	mux := http.NewServeMux()
	for name, way := range ways {
		mux.HandleFunc("/"+name+"/{code}", func(w http.ResponseWriter, r *http.Request) {
			code, _ := strconv.Atoi(r.PathValue("code"))
			if r.Method == http.MethodOptions {
				w.Header().Set("Allow", "DELETE")
			}
			way(w, r, code)
		})
	}
	return mux
}

var matrixLog = slog.New(slog.DiscardHandler)

// matrixLayers are the middlewares, each alone and in chains. What Unless and Chain
// make of them is no layer of its own.
func matrixLayers() map[string]func(http.Handler) http.Handler {
	limit := func() func(http.Handler) http.Handler {
		return ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerSecond(1_000_000), Key: ratelimit.ByIP(clientip.Direct)})
	}
	var off middleware.Maintenance
	accessLog := middleware.AccessLogWith(middleware.AccessLogOptions{Logger: matrixLog})
	normalize := middleware.NormalizeWith(middleware.NormalizeOptions{Logger: matrixLog})
	recovery := middleware.RecoverWith(middleware.RecoverOptions{Logger: matrixLog})
	return map[string]func(http.Handler) http.Handler{
		"nothing":     middleware.Chain(),
		"Capture":     middleware.Capture(func(*http.Request, middleware.Result) {}),
		"RequestID":   middleware.RequestID,
		"AccessLog":   accessLog,
		"Recover":     recovery,
		"Normalize":   normalize,
		"Timeout":     middleware.Timeout(time.Minute),
		"MaxBytes":    middleware.MaxBytes(1 << 20),
		"ContentType": middleware.ContentType("application/json"),
		"Maintenance": off.Wrap,
		"Route":       middleware.Route(func(r *http.Request) string { return r.Pattern }),
		"Limiter":     limit(),
		"InFlight":    ratelimit.InFlight(1000),
		"the chain":   middleware.Chain(middleware.RequestID, accessLog, normalize, limit()),
		"all of them": middleware.Chain(middleware.RequestID, accessLog, middleware.Capture(func(*http.Request, middleware.Result) {}), recovery, normalize,
			off.Wrap, limit(), ratelimit.InFlight(1000), middleware.Timeout(time.Minute), middleware.MaxBytes(1<<20), middleware.ContentType("application/json")),
	}
}

// excused reports whether a finding is due to the handler, which has chosen the
// status or written what the status forbids, and to no layer nor package respond.
func excused(layers, way string, code int, f conformance.Finding) bool {
	normalizes := slices.Contains([]string{"Normalize", "the chain", "all of them"}, layers)
	responds := slices.Contains([]string{"error", "fail", "problem", "typed"}, way)
	switch f.Rule.ID {
	case "101-unasked", "206-unasked", "304-unasked", "305-deprecated", "306-reserved", "511-origin", "get-implemented", "range-length":
		return f.Status == code
	case "no-response", "incomplete": // Recover sees a panic after WriteHeader, which only Normalize holds back for an error
		return way == "panic" && (!normalizes || code < 400)
	case "400-explained", "500-explained":
		return way == "empty" && !normalizes
	case "upgrade-option": // net/http changes Connection, which respond.Error forestalls only where it can know the request
		return !normalizes && (!responds || way == "error" && slices.Contains([]string{"nothing", "MaxBytes", "ContentType", "Maintenance", "Route", "InFlight"}, layers))
	case "304-metadata", "reset-body", "interim-old", "connection-fields", "101-later":
		return !responds && !normalizes
	}
	return false
}

// special are codes that net/http or a layer treats in a way of their own.
var special = []int{100, 101, 103, 200, 204, 205, 206, 304, 401, 404, 405, 413, 426, 429, 500, 503}

// targets are the requests of the matrix: each code in each way. Under the race
// detector, which makes the matrix ten times slower, a code that is not special is
// produced in one way of the eight.
func targets() (all []conformance.Request) {
	body := http.Header{"Content-Type": {"application/json"}}
	names := slices.Sorted(maps.Keys(ways))
	n := 0
	for s := range status.All() {
		some := names
		if race.Enabled && !slices.Contains(special, s.Code) {
			some = names[n%len(names):][:1]
			n++
		}
		for _, way := range some {
			target := fmt.Sprintf("/%s/%d", way, s.Code)
			all = append(all, conformance.Request{Target: target},
				conformance.Request{Method: "POST", Target: target, Header: body, Body: "{}"},
				conformance.Request{Method: "QUERY", Target: target, Header: body, Body: "{}"})
		}
	}
	return all
}

func TestNoResponseBreaksAClause(t *testing.T) {
	for name, layers := range matrixLayers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, f := range check(t, layers(everyWay()), targets()) {
				way, code := origin(f)
				if !excused(name, way, code, f) {
					t.Errorf("behind %s: %v", name, f)
				}
			}
		})
	}
}

// origin returns the way and the code that a finding is about.
func origin(f conformance.Finding) (way string, code int) {
	parts := strings.FieldsFunc(f.Request, func(c rune) bool { return c == ' ' || c == '/' })
	code, _ = strconv.Atoi(parts[2])
	return parts[1], code
}

// refusals has what the layers send by themselves.
func refusals() *http.ServeMux {
	var maintenance middleware.Maintenance
	maintenance.Start(time.Now().Add(time.Hour))
	blocked := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	fine := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", "GET, HEAD, OPTIONS, POST, QUERY")
		respond.NoContent(w)
	})
	mux := http.NewServeMux()
	mux.Handle("/maintenance", maintenance.Wrap(fine))
	mux.Handle("/limit", ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: ratelimit.Everyone})(respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		return problem.New(403)
	})))
	mux.Handle("/timeout", middleware.Timeout(10*time.Millisecond)(blocked))
	mux.Handle("/large", middleware.MaxBytes(1)(fine))
	mux.Handle("/type", middleware.ContentType("application/json")(fine))
	mux.Handle("/probs/", respond.Pages(typed[404]))
	return mux
}

// addSuccesses has what package respond sends beside problems.
func addSuccesses(mux *http.ServeMux) {
	handle := func(pattern string, h http.HandlerFunc) { mux.HandleFunc(pattern, h) }
	handle("GET /created", func(w http.ResponseWriter, r *http.Request) {
		respond.Created(w, "/orders/a b", map[string]int{"id": 17})
	})
	handle("GET /accepted", func(w http.ResponseWriter, r *http.Request) {
		respond.Accepted(w, "/jobs/1", 1500*time.Millisecond, nil)
	})
	handle("GET /redirect", func(w http.ResponseWriter, r *http.Request) { respond.Redirect(w, 308, "/\u00fc") })
	handle("GET /choices", func(w http.ResponseWriter, r *http.Request) { respond.MultipleChoices(w, "/a", []string{"/a", "/b"}) })
	handle("GET /reset", func(w http.ResponseWriter, r *http.Request) { respond.ResetContent(w) })
	handle("GET /text", func(w http.ResponseWriter, r *http.Request) { respond.Text(w, 200, "fine") })
	handle("GET /hints", func(w http.ResponseWriter, r *http.Request) {
		respond.EarlyHints(w, r, "</a.css>; rel=preload")
		respond.Text(w, 200, "fine")
	})
	handle("GET /conditional", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "private, max-age=5")
		if respond.Conditional(w, r, respond.Validators{Tag: "17 \"", Modified: time.Now().Add(-time.Hour)}) {
			return
		}
		respond.JSON(w, 200, 17)
	})
	handle("GET /file", func(w http.ResponseWriter, r *http.Request) {
		respond.Validators{Tag: "17"}.SetHeader(w.Header())
		http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader("a file of some length"))
	})
	handle("GET /records", func(w http.ResponseWriter, r *http.Request) {
		_ = respond.NDJSON(w, r, func(yield func(int, error) bool) { _ = yield(1, nil) && yield(0, problem.New(500)) })
	})
	handle("GET /events", func(w http.ResponseWriter, r *http.Request) {
		_ = respond.Events(w, r, func(yield func(respond.Event, error) bool) { yield(respond.Event{Data: "fine"}, nil) })
	})
}

func TestRefusalsAndSuccessesBreakNoClause(t *testing.T) {
	mux := refusals()
	addSuccesses(mux)
	var requests []conformance.Request
	for _, path := range []string{"/maintenance", "/limit", "/timeout", "/large", "/type", "/probs/", "/probs/404", "/probs/none", "/created", "/accepted", "/redirect", "/choices",
		"/reset", "/text", "/hints", "/conditional", "/file", "/records", "/events", "/nowhere", "/limit"} {
		requests = append(requests, conformance.Request{Target: path}, conformance.Request{Method: "POST", Target: path, Body: "text"},
			conformance.Request{Method: "QUERY", Target: path, Body: "text", Header: http.Header{"Content-Type": {"text/plain"}}})
	}
	for name, layers := range map[string]func(http.Handler) http.Handler{"nothing": middleware.Chain(), "the chain": matrixLayers()["the chain"]} {
		t.Run("behind "+name, func(t *testing.T) {
			conformance.Test(t, layers(mux), conformance.Options{Requests: requests})
		})
	}
}

// check returns what the responses of h break.
func check(t *testing.T, h http.Handler, requests []conformance.Request) []conformance.Finding {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetHTTP1(true)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.Start()
	defer srv.Close()
	found, err := conformance.Check(t.Context(), srv.URL, conformance.Options{
		Requests:  requests,
		Protocols: []string{conformance.HTTP10, conformance.HTTP11, conformance.HTTP2},
	})
	require.NoError(t, err)
	return found
}
