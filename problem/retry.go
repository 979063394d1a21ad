package problem

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// RetryAfter returns how long the server tells the client to wait before the next request,
// by the Retry-After field of the problem's header (RFC 9110, section 10.2.3),
// and whether there is a valid one. A date is counted from the Date field, so
// that wrong clocks do no harm, and from now where there is none; one that is
// over means no wait. The wait is what the server wrote, up to 292 years: give
// it a bound of your own.
func (d *Details) RetryAfter() (wait time.Duration, ok bool) {
	field := strings.Trim(d.Header.Get("Retry-After"), " \t")
	if field == "" {
		return 0, false
	}
	if jsonscan.Digit(field[0]) {
		seconds, err := strconv.ParseUint(field, 10, 64)
		switch {
		case err == nil && seconds <= uint64(math.MaxInt64/time.Second):
			return time.Duration(seconds) * time.Second, true
		case strings.Trim(field, "0123456789") == "":
			return math.MaxInt64, true
		}
		return 0, false
	}
	at, err := http.ParseTime(field)
	if err != nil {
		return 0, false
	}
	from, err := http.ParseTime(d.Header.Get("Date"))
	if err != nil {
		from = time.Now()
	}
	return max(at.Sub(from), 0), true
}

// Retryable reports whether the same request may succeed later as it is: after
// 408, 425, 429, 502, 503 and 504, and whenever the response says when, see
// [Details.RetryAfter]. It says nothing about whether repeating is safe: unless
// the method is idempotent, the first request may have had its effect (RFC
// 9110, section 9.2.2).
func (d *Details) Retryable() bool {
	if status.Temporary(d.Status) {
		return true
	}
	_, ok := d.RetryAfter()
	return ok
}
