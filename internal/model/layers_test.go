package model_test

import (
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/respond"
)

// A tape is what the middlewares reported of the first request of a run.
type tape struct {
	mu      sync.Mutex
	results []reported // of Capture and AccessLog, from the outermost
	counted []int      // the arguments of CountStatus
	err     error      // that the handler returned, for respond.Handler
}

// reported is the Result for the layer at a place.
type reported struct {
	layer int
	middleware.Result
}

// handlerStatus is Result.HandlerStatus, in one place as long as it may change.
func handlerStatus(res middleware.Result) int { return res.HandlerStatus }

func (t *tape) result(layer int, r *http.Request, res middleware.Result) {
	if r.URL.Path != firstPath {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.results = append(t.results, reported{layer, res})
}

func (t *tape) returns(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
}

func (t *tape) returned() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

func (t *tape) count(status int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counted = append(t.counted, status)
	return true
}

var quiet = slog.New(slog.DiscardHandler)

var quietResponder = &respond.Responder{Logger: quiet}

type wrap = func(http.Handler) http.Handler

// A layer stands around the handler. At the yardstick, net/http alone, another
// one may stand in its place.
type layer struct {
	name      string
	kind      kind
	ours      func(t *tape, at int) wrap
	yardstick func() wrap // nil for none
}

// kind is what the oracle has to know of a layer.
type kind int

const (
	observing kind = 1 << iota // has a Result
	counting                   // receives the status
	recovers                   // a panic becomes a 500
	normalizes
	handlesErrors // an error that is returned becomes a problem
	plainIO       // has no ReadFrom
	timed         // ends after the limit
	refusing      // a body that is declared too long
	bounding      // the body of a request, by a reader that remembers its end
	adding        // header fields
	guarding      // has a writer that is closed in the end
	passive       // hands on the request and the ResponseWriter that it got
	foreign
	hiding // what its base can do, without Unwrap
)

var layers = []layer{
	{"middleware.Capture", guarding | observing, func(t *tape, at int) wrap {
		return middleware.Capture(func(r *http.Request, res middleware.Result) { t.result(at, r, res) })
	}, nil},
	{"middleware.AccessLog", guarding | observing, func(t *tape, at int) wrap {
		return middleware.AccessLogWith(middleware.AccessLogOptions{Logger: quiet, Skip: func(r *http.Request, res middleware.Result) bool {
			t.result(at, r, res)
			return false
		}})
	}, nil},
	{"middleware.Recover", guarding | recovers, func(*tape, int) wrap { return middleware.RecoverWith(middleware.RecoverOptions{Logger: quiet}) }, nil},
	{"middleware.Normalize", guarding | normalizes | recovers, func(*tape, int) wrap { return middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet}) }, nil},
	{"middleware.RequestID", adding, func(*tape, int) wrap { return middleware.RequestID }, nil},
	{"middleware.Timeout(time.Hour)", guarding | plainIO | timed, func(_ *tape, at int) wrap { return middleware.Timeout(limitAt(at)) }, nil},
	{"middleware.MaxBytes(1 << 30)", bounding, func(*tape, int) wrap { return middleware.MaxBytes(1 << 30) }, nil},
	{"middleware.MaxBytes(1000)", bounding | refusing, func(*tape, int) wrap { return middleware.MaxBytes(smallLimit) }, func() wrap {
		return func(next http.Handler) http.Handler { return http.MaxBytesHandler(next, smallLimit) }
	}},
	{"respond.Handler", handlesErrors, func(t *tape, _ int) wrap {
		return func(next http.Handler) http.Handler {
			return quietResponder.Handler(func(w http.ResponseWriter, r *http.Request) error {
				next.ServeHTTP(w, r)
				if r.URL.Path != firstPath {
					return nil
				}
				return t.returned()
			})
		}
	}, nil},
	{"ratelimit.New", passive | adding, func(*tape, int) wrap {
		return ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerMinute(1000), Key: ratelimit.Everyone})
	}, nil},
	{"ratelimit.New with CountStatus", adding | counting, func(t *tape, _ int) wrap {
		return ratelimit.New(ratelimit.Policy{Name: "counted", Quota: ratelimit.PerMinute(1000), Key: onlyFirst, CountStatus: t.count})
	}, nil},
	{"a wrapper with three methods", foreign | hiding, nil, func() wrap {
		return wrapWriter(func(w http.ResponseWriter) http.ResponseWriter { return threeMethods{w} })
	}},
	{"a wrapper with Unwrap", foreign, nil, func() wrap {
		return wrapWriter(func(w http.ResponseWriter) http.ResponseWriter { return unwrapping{w} })
	}},
	{"a wrapper that counts", foreign, nil, func() wrap {
		return wrapWriter(func(w http.ResponseWriter) http.ResponseWriter { return &countingWriter{ResponseWriter: w} })
	}},
}

const (
	limit = time.Hour        // what a Timeout gives
	short = 50 * time.Minute // what is in time, once
	soon  = 40 * time.Minute // when a deadline of a program is
)

// limitAt is the limit of the Timeout at a place, to some seconds: no two end at
// the same moment, and the inner one before the outer one or after it.
func limitAt(place int) time.Duration {
	if place%2 == 1 {
		place = -place
	}
	return limit + time.Duration(place)*time.Second
}

// smallLimit is the number of bytes that a small MaxBytes accepts.
const smallLimit = 1000

// onlyFirst exempts the second request of a run from a policy.
func onlyFirst(r *http.Request) string {
	if r.URL.Path != firstPath {
		return ""
	}
	return "all"
}

func wrapWriter(f func(http.ResponseWriter) http.ResponseWriter) wrap {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(f(w), r) })
	}
}

// threeMethods hides whatever its base can do.
type threeMethods struct{ w http.ResponseWriter }

func (t threeMethods) Header() http.Header         { return t.w.Header() }
func (t threeMethods) WriteHeader(code int)        { t.w.WriteHeader(code) }
func (t threeMethods) Write(p []byte) (int, error) { return t.w.Write(p) }

// unwrapping is the wrapper that tutorials show.
type unwrapping struct{ http.ResponseWriter }

func (u unwrapping) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// countingWriter is the wrapper of many an access log.
type countingWriter struct {
	http.ResponseWriter
	n int
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n += n
	return n, err
}

func (c *countingWriter) Flush() { _ = c.FlushError() }

func (c *countingWriter) FlushError() error {
	return http.NewResponseController(c.ResponseWriter).Flush()
}

func (c *countingWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// Half of all scenarios have one layer alone, a tenth the documented chain, and
// the others any order of up to five.
const (
	aloneBelow      = 112
	documentedChain = 112
	documentedBelow = 136
)

// chain returns the layers, from the outermost, that bytes mean.
func chain(places []byte) (all []layer) {
	switch first := int(places[0]); {
	case first < aloneBelow:
		return []layer{layers[first%len(layers)]}
	case first < documentedBelow:
		for _, name := range documented {
			all = append(all, layers[slices.IndexFunc(layers, func(l layer) bool { return l.name == name })])
		}
		return all
	}
	for _, b := range places[1:] {
		if at := int(b)%(len(layers)*3/2) - len(layers)/2; at >= 0 {
			all = append(all, layers[at])
		}
	}
	return all
}

var documented = []string{"middleware.RequestID", "middleware.AccessLog", "middleware.Normalize", "ratelimit.New"}

// around puts the layers around a handler, those of the yardstick if there is
// no tape.
func around(all []layer, t *tape, h http.Handler) http.Handler {
	for i := len(all) - 1; i >= 0; i-- {
		switch l := all[i]; {
		case t != nil && l.ours != nil:
			h = l.ours(t, i)(h)
		case l.yardstick != nil:
			h = l.yardstick()(h)
		}
	}
	return h
}
