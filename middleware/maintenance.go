package middleware

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// Maintenance answers every request with 503 as a problem while it is on, and
// tells when to come back if that is known. It can be switched at any time, by
// any goroutine. The zero value is off and ready to use; it must not be copied
// once it is used.
type Maintenance struct {
	// Skip, if it returns true, lets a request pass all the same, such as a
	// check of health. It must not be changed once the handler serves.
	Skip func(*http.Request) bool
	// Detail tells clients what goes on. Empty stands for the documented
	// description of 503. It must not be changed once the handler serves.
	Detail string

	end atomic.Pointer[time.Time] // nil: off
}

// Start begins a maintenance that is expected to end at the given time. The
// zero time means that the end is not known.
func (m *Maintenance) Start(end time.Time) { m.end.Store(&end) }

// Stop ends the maintenance.
func (m *Maintenance) Stop() { m.end.Store(nil) }

// Wrap returns a handler that passes requests to next while m is off.
//
// Panics if next is nil.
func (m *Maintenance) Wrap(next http.Handler) http.Handler {
	mustHandler("Maintenance", next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		end := m.end.Load()
		if end == nil || m.Skip != nil && m.Skip(r) {
			next.ServeHTTP(w, r)
			return
		}
		d := problem.New(http.StatusServiceUnavailable)
		if m.Detail != "" {
			d.Detail = m.Detail
		}
		if wait := time.Until(*end); wait > 0 { // past the expected end nobody knows
			problem.RetryAfter(wait)(d)
		}
		respond.Problem(w, r, d)
	})
}
