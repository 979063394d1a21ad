package main

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"

	"github.com/rejoinder-go/rejoinder/middleware"
)

// idHeader is the header field by which a client names its request. The chain
// makes that its request id.
const idHeader = "X-Soak-Id"

// ledger has an entry for each request that is under way: what its client has
// seen, and what the server says of it. When both are there they are compared,
// and the entry is gone. It is safe for concurrent use.
type ledger struct {
	figures *figures

	mu   sync.Mutex
	open map[string]*entry
}

type entry struct {
	request *request
	seen    *response // nil until the client has it or knows that there is none
	begun   int       // how often a handler was called
	ended   int
	results []middleware.Result
	records []record
}

// record is what the access log wrote of a request.
type record struct {
	status, bytes int64
	aborted, gone bool
}

func newLedger(f *figures) *ledger { return &ledger{figures: f, open: make(map[string]*entry)} }

// expect notes that a client is about to send a request.
func (l *ledger) expect(q *request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[q.id] = &entry{request: q}
}

// saw notes what the client got.
func (l *ledger) saw(q *request, res *response) {
	l.with(q.id, "a response", func(e *entry) { e.seen = res })
}

// with calls f with the entry of a request, and settles it if it is complete.
func (l *ledger) with(id, what string, f func(*entry)) {
	l.mu.Lock()
	e := l.open[id]
	if e == nil {
		l.mu.Unlock()
		l.figures.violate("%s for request %q, which is over or was never sent", what, id)
		return
	}
	f(e)
	// Where nothing is to come, nothing may have been served.
	complete := e.seen != nil && (!e.seen.unserved || e.request.cut) && e.ended > 0
	if complete {
		delete(l.open, id)
	}
	l.mu.Unlock()
	if complete {
		l.settle(e)
	}
}

// count is the outermost layer: it sees each call of the chain begin and end.
func (l *ledger) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(idHeader)
		l.with(id, "a call", func(e *entry) { e.begun++ })
		defer l.with(id, "the end of a call", func(e *entry) { e.ended++ })
		next.ServeHTTP(w, r)
	})
}

// result is called by middleware.Capture.
func (l *ledger) result(r *http.Request, res middleware.Result) {
	l.with(middleware.RequestIDFrom(r.Context()), "a Result", func(e *entry) { e.results = append(e.results, res) })
}

// reported counts the reports of Normalize.
func (l *ledger) reported(_ *http.Request, rep middleware.Report) {
	switch {
	case rep.Panic != nil:
		l.figures.add("reports of Normalize", "panic")
	case rep.Withheld != "":
		l.figures.add("reports of Normalize", "text withheld")
	case len(rep.Superfluous) > 0:
		l.figures.add("reports of Normalize", "superfluous WriteHeader")
	case len(rep.Missing) > 0:
		l.figures.add("reports of Normalize", "required field missing")
	default:
		l.figures.add("reports of Normalize", "other")
	}
}

// late counts the panics after the deadline of a Timeout.
func (l *ledger) late(middleware.Report) {
	l.figures.add("reports of Timeout", "panic after the deadline")
}

// settle compares what client and server say.
func (l *ledger) settle(e *entry) {
	q, seen := e.request, e.seen
	l.figures.add("requests", q.kind+", "+seen.outcome())
	l.figures.add("requests over", q.proto)
	if seen.status != 0 {
		l.figures.add("responses", statusRow(seen.status))
	}
	bad := func(format string, args ...any) {
		l.figures.violate("%s: "+format, append([]any{q.String()}, args...)...)
	}
	if e.begun != 1 || e.ended != 1 || len(e.results) != 1 || len(e.records) != 1 {
		bad("%d calls began, %d ended, with %d Results and %d records", e.begun, e.ended, len(e.results), len(e.records))
		return
	}
	res, rec := e.results[0], e.records[0]
	// The record comes later, and a client may leave between the two.
	if rec.status != int64(res.Status) || rec.bytes != res.Bytes || rec.aborted != res.Aborted || !rec.gone && res.ClientGone || rec.gone != res.ClientGone && !q.rude && !q.halfCloses {
		bad("Result %+v, and record %+v", res, rec)
	}
	if q.rude {
		l.figures.add("Results of rude clients", resultRow(res))
		return
	}
	if q.isHeld(seen, res) {
		l.figures.add("faults", "503 of maintenance held until the client has sent its body")
		return
	}
	for _, fault := range q.check(seen) {
		bad("%s (client: %v; Result: %s)", fault, seen, resultText(res))
	}
	for _, fault := range differences(q, seen, res) {
		bad("%s (client: %v; Result: %s)", fault, seen, resultText(res))
	}
}

// isHeld reports whether net/http holds the 503 of maintenance for the rest of a
// body that does not come: it reads up to 256 KiB before it sends a header.
func (q *request) isHeld(seen *response, res middleware.Result) bool {
	return q.stalls && seen.status == 0 && res.Status == http.StatusServiceUnavailable && q.weather.maintenance.touched(q.maintenanceAt)
}

// differences lists what is not equal in what the client has seen and a Result.
func differences(q *request, seen *response, res middleware.Result) (faults []string) {
	add := func(wrong bool, text string) {
		if wrong {
			faults = append(faults, text)
		}
	}
	if seen.upgraded {
		add(!res.Hijacked || res.Status != http.StatusSwitchingProtocols, "the Result knows of no upgrade")
		return faults
	}
	add(res.Hijacked, "the Result says that the connection was taken over")
	add(res.ClientGone && !q.halfCloses, "the Result says that the client left")
	if seen.cut() {
		add(!res.Aborted && res.WriteErr == nil, "the response was cut, and the Result does not say so")
		add(seen.status != 0 && seen.status != res.Status, "the status of the Result differs")
		return faults
	}
	add(res.Aborted && !q.isOverdue(), "the Result says that a complete response was cut")
	add(seen.status != res.Status, "the status of the Result differs")
	add(int64(len(seen.body)) != res.Bytes, "the bytes of the Result differ")
	add(!slices.Equal(seen.interim, withoutContinue(res.Interim)), "the interim codes of the Result differ")
	return faults
}

// withoutContinue leaves out what net/http sends by itself where no proxy does.
func withoutContinue(codes []int) []int {
	return slices.DeleteFunc(slices.Clone(codes), func(code int) bool { return code == http.StatusContinue })
}

// close accounts for the requests that are still open when all is over.
func (l *ledger) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.open {
		q, seen := e.request, e.seen
		switch {
		case e.begun > e.ended:
			l.figures.violate("%v: its handler has not ended", q)
		case seen == nil:
			l.figures.violate("%v: its client has not ended", q)
		case e.begun == 0 && q.rude:
			l.figures.add("requests", q.kind+", never complete")
		case e.begun == 0 && seen.unserved:
			l.figures.add("sent again, since the connection closed before", q.proto)
		case e.begun == 0:
			l.figures.violate("%v: a response without a call (client: %v)", q, seen)
		case seen.raced:
			l.figures.add("sent again, since the connection closed before", q.proto+", by net/http in the moment between idle and active")
		default:
			l.figures.violate("%v: a request that had begun was cut: %v (Results: %+v)", q, seen.err, e.results)
		}
	}
	clear(l.open)
}

// recorder is a slog.Handler for the access log.
type recorder struct{ ledger *ledger }

func (recorder) Enabled(context.Context, slog.Level) bool { return true }
func (r recorder) WithAttrs([]slog.Attr) slog.Handler     { return r }
func (r recorder) WithGroup(string) slog.Handler          { return r }

func (r recorder) Handle(_ context.Context, rec slog.Record) error {
	var out record
	id := ""
	rec.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "http.request.id":
			id = a.Value.String()
		case "http.response.status_code":
			out.status = a.Value.Int64()
		case "http.response.body.size":
			out.bytes = a.Value.Int64()
		case "aborted":
			out.aborted = true
		case "client_gone":
			out.gone = true
		}
		return true
	})
	r.ledger.with(id, "a record", func(e *entry) { e.records = append(e.records, out) })
	return nil
}
