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

// RetryAfter returns how long the client should wait before the next request,
// according to the Retry-After header field (RFC 9110, section 10.2.3). It returns
// false if there is no valid field.
//
// If the field is a date, the wait is the time from the Date header field to that
// date, so that it does not depend on the client's clock. Without a Date it is the
// time from now. It is 0 if the date has passed. The wait can be up to 292 years, so
// callers should bound it.
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

// Retryable reports whether the same request may succeed later: if the status is
// 408, 425, 429, 502, 503 or 504, or if [Details.RetryAfter] returns true. It does
// not report whether a retry is safe. Unless the method is idempotent, the first
// request may have had an effect (RFC 9110, section 9.2.2).
func (d *Details) Retryable() bool {
	if status.Temporary(d.Status) {
		return true
	}
	_, ok := d.RetryAfter()
	return ok
}
