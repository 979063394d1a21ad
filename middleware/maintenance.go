package middleware

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// Maintenance responds to every request with 503 as a problem while it is on,
// with Retry-After if the end is known. [AccessLog] does not count that as a
// failure. It can be switched at any time, by any goroutine. The zero value is
// off and ready to use; it must not be copied once it is used.
type Maintenance struct {
	// Skip, if it returns true, passes a request all the same, such as a check
	// of health. It must not be changed once the handler serves.
	Skip func(*http.Request) bool
	// Detail tells clients what goes on. Empty stands for the documented
	// description of 503. It must not be changed once the handler serves.
	Detail string
	// Responder writes the 503. Nil means the one in effect: that of a
	// Normalize outside, or the defaults of package respond. It must not be
	// changed once the handler serves.
	Responder *respond.Responder

	end atomic.Pointer[time.Time] // nil: off
}

// Start begins a maintenance that is expected to end at the given time. The
// zero time means that the end is not known.
func (m *Maintenance) Start(end time.Time) { m.end.Store(&end) }

// Stop ends the maintenance.
func (m *Maintenance) Stop() { m.end.Store(nil) }

// Wrap returns a handler that passes requests to next while m is off.
//
// Wrap panics if next is nil.
func (m *Maintenance) Wrap(next http.Handler) http.Handler {
	mustHandler("Maintenance", next)
	return &maintained{router{next}, m}
}

type maintained struct {
	router
	m *Maintenance
}

func (h *maintained) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m := h.m
	end := m.end.Load()
	if end == nil || m.Skip != nil && m.Skip(r) {
		h.next.ServeHTTP(w, r)
		return
	}
	if x := exchange.Find(w); x != nil {
		x.Rare().Planned = true
	}
	d := problem.New(http.StatusServiceUnavailable)
	if m.Detail != "" {
		d.Detail = m.Detail
	}
	if wait := time.Until(*end); wait > 0 { // past the expected end it is not known
		problem.RetryAfter(wait)(d)
	}
	problemTo(m.Responder, w, r, d)
}
