package main

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/stretchr/testify/assert"
)

// exchanged is one request as both sides describe it.
type exchanged struct {
	request *request
	seen    *response
	result  middleware.Result
	record  record
	calls   int
}

// orderly is an exchange with which nothing is wrong.
func orderly() *exchanged {
	q := &request{id: "1", kind: "JSON", proto: "HTTP/1.1", weather: new(weather)}
	q.get("/json?n=7", 200)
	q.checkBody = wantPayload(payload{N: 7})
	body := []byte(`{"n":7}`)
	return &exchanged{
		request: q,
		seen:    &response{status: 200, header: http.Header{"X-Request-Id": {"1"}}, body: body},
		result:  middleware.Result{Status: 200, Bytes: int64(len(body))},
		record:  record{status: 200, bytes: int64(len(body))},
		calls:   1,
	}
}

// refused is one with a problem.
func refused() *exchanged {
	x := orderly()
	x.request.get("/error?code=404", 404)
	x.request.checkBody = nil
	body := `{"type":"about:blank","title":"Not Found","status":404,"detail":"None.","request":"1"}`
	x.seen.status, x.seen.body = 404, []byte(body)
	x.seen.header.Set("Content-Type", "application/problem+json")
	x.seen.header.Set("Cache-Control", "no-store")
	x.seen.header.Set("Content-Length", "86")
	x.result.Status, x.result.Bytes = 404, int64(len(body))
	x.record.status, x.record.bytes = 404, int64(len(body))
	return x
}

// violations returns what a ledger says of an exchange.
func (x *exchanged) violations() string {
	f := newFigures()
	l := newLedger(f)
	l.expect(x.request)
	h := l.count(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		l.with(x.request.id, "a Result", func(e *entry) { e.results = append(e.results, x.result) })
		l.with(x.request.id, "a record", func(e *entry) { e.records = append(e.records, x.record) })
	}))
	for range x.calls {
		h.ServeHTTP(nil, &http.Request{Header: http.Header{idHeader: {x.request.id}}})
	}
	if x.seen != nil {
		l.saw(x.request, x.seen)
	}
	l.close()
	return strings.Join(f.violations, "\n")
}

// differing are changes after which something is wrong.
var differing = map[string]struct {
	from   func() *exchanged
	change func(*exchanged)
	want   string
}{
	// what the client got
	"another status":            {orderly, func(x *exchanged) { x.seen.status = 201 }, "not one of"},
	"another body":              {orderly, func(x *exchanged) { x.seen.body = []byte(`{"n":8}`) }, "want {N:7"},
	"that of another request":   {orderly, func(x *exchanged) { x.seen.header.Set("X-Request-Id", "2") }, "of another request"},
	"a cut":                     {orderly, func(x *exchanged) { x.seen.err = io.ErrUnexpectedEOF }, "cut: "},
	"no cut":                    {orderly, func(x *exchanged) { x.request.cut = true }, "should be cut"},
	"no end":                    {orderly, func(x *exchanged) { x.seen.endless = true }, "ends with the connection"},
	"a secret":                  {orderly, func(x *exchanged) { x.seen.header.Set("X", secret) }, "is for developers"},
	"an upgrade":                {orderly, func(x *exchanged) { x.seen.upgraded = true }, "an upgrade that was not requested"},
	"a problem of another":      {refused, func(x *exchanged) { x.request.id = "2" }, "problem {"},
	"a problem that is none":    {refused, func(x *exchanged) { x.seen.body = pattern(86) }, "malformed problem"},
	"a problem of another type": {refused, func(x *exchanged) { x.seen.header.Set("Content-Type", "text/plain") }, "Content-Type: text/plain"},
	"a problem to be stored":    {refused, func(x *exchanged) { x.seen.header.Del("Cache-Control") }, "Cache-Control"},
	"a wrong length":            {refused, func(x *exchanged) { x.seen.header.Set("Content-Length", "5") }, "Content-Length: 5"},
	"a Retry-After":             {refused, func(x *exchanged) { x.seen.header.Set("Retry-After", "5") }, "Retry-After: 5"},
	// what the server says of it
	"a Result of another status": {orderly, func(x *exchanged) { x.result.Status = 500 }, "the status of the Result differs"},
	"a Result of other bytes":    {orderly, func(x *exchanged) { x.result.Bytes = 1 }, "the bytes of the Result differ"},
	"a Result that is cut":       {orderly, func(x *exchanged) { x.result.Aborted = true }, "a complete response was cut"},
	"a Result without a client":  {orderly, func(x *exchanged) { x.result.ClientGone, x.record.gone = true, true }, "the client left"},
	"a Result with a hijack":     {orderly, func(x *exchanged) { x.result.Hijacked = true }, "taken over"},
	"a Result with a 103":        {orderly, func(x *exchanged) { x.result.Interim = []int{103} }, "interim codes"},
	"another record":             {orderly, func(x *exchanged) { x.record.status = 201 }, "and record"},
	// how often
	"no call":          {orderly, func(x *exchanged) { x.calls = 0 }, "a response without a call"},
	"two calls":        {orderly, func(x *exchanged) { x.seen, x.calls = nil, 2 }, "its client has not ended"},
	"a call too much":  {orderly, func(x *exchanged) { x.calls = 2; x.seen.unserved = true }, "a request that had begun was cut"},
	"a cut that began": {orderly, func(x *exchanged) { x.seen = &response{err: errors.New("EOF"), unserved: true} }, "a request that had begun was cut"},
}

func TestLedgerFindsWhatDiffers(t *testing.T) {
	assert.Empty(t, orderly().violations())
	assert.Empty(t, refused().violations())
	for why, row := range differing {
		x := row.from()
		row.change(x)
		assert.Contains(t, x.violations(), row.want, why)
	}
}

func TestLedgerKnowsNoOtherRequests(t *testing.T) {
	f := newFigures()
	slog.New(recorder{newLedger(f)}).Info("request", "http.request.id", "7")
	assert.Equal(t, []string{`a record for request "7", which is over or was never sent`}, f.violations)
}

func TestLedgerKnowsAHandlerThatHasNotEnded(t *testing.T) {
	f := newFigures()
	l := newLedger(f)
	x := orderly()
	l.expect(x.request)
	l.saw(x.request, x.seen)
	l.count(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { l.close() })).
		ServeHTTP(nil, &http.Request{Header: http.Header{idHeader: {"1"}}})
	assert.Contains(t, f.violations[0], "its handler has not ended")
}

func TestWeatherExcusesOnlyWhileItLasts(t *testing.T) {
	x := refused()
	x.request.status = []int{200}
	assert.NotEmpty(t, x.violations(), "a 404 is not excused")
	for name, begin := range map[string]func(*weather){"maintenance": func(w *weather) { w.maintenance.begin() }, "none": func(*weather) {}} {
		x := refused()
		x.request.status = []int{200}
		x.seen.status, x.result.Status, x.record.status = 503, 503, 503
		x.seen.body = []byte(strings.ReplaceAll(string(x.seen.body), "404", "503"))
		begin(x.request.weather)
		assert.Equal(t, name == "maintenance", x.violations() == "", name)
	}
}
