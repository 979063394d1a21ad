package middleware

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// Maintenance responds to every request with a 503 problem while it is on, with a
// Retry-After if the end is known. [AccessLog] does not treat these as failures.
// The zero value is off and ready to use. Start and Stop are safe for concurrent
// use. The fields must not be changed, and the Maintenance must not be copied,
// after the first request.
type Maintenance struct {
	// Skip reports whether to serve a request nevertheless, such as a health
	// check. Nil serves none.
	Skip func(*http.Request) bool
	// Detail is the detail of the 503. Empty means the documented description of
	// the code.
	Detail string
	// Responder writes the 503. Nil means the Responder in effect: that of a
	// Normalize outside, or the defaults of package respond.
	Responder *respond.Responder

	end atomic.Pointer[time.Time] // nil: off
}

// Start begins a maintenance that is expected to end at the given time. The zero
// time means that the end is unknown.
func (m *Maintenance) Start(end time.Time) { m.end.Store(&end) }

// Stop ends the maintenance.
func (m *Maintenance) Stop() { m.end.Store(nil) }

// Wrap returns a handler that passes requests to next while m is off.
//
// Wrap panics if next is nil.
func (m *Maintenance) Wrap(next http.Handler) http.Handler {
	mustHandler("Maintenance", next)
	return &maintenanceHandler{router{next}, m}
}

type maintenanceHandler struct {
	router
	m *Maintenance
}

func (h *maintenanceHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m := h.m
	end := m.end.Load()
	if end == nil || m.Skip != nil && m.Skip(r) {
		h.next.ServeHTTP(w, r)
		return
	}
	if x := exchange.Find(w); x != nil {
		x.Extra().Planned = true
	}
	d := problem.New(http.StatusServiceUnavailable)
	if m.Detail != "" {
		d.Detail = m.Detail
	}
	if wait := time.Until(*end); wait > 0 { // after the expected end, nothing is known
		problem.RetryAfter(wait)(d)
	}
	problemTo(m.Responder, w, r, d)
}
