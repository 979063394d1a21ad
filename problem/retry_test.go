package problem_test

import (
	"math"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

const date = "Mon, 05 Aug 2019 09:27:00 GMT"

func TestRetryAfterReadsSecondsAndDates(t *testing.T) {
	for _, tt := range []struct {
		why, field string
		want       time.Duration
		ok         bool
	}{
		{"absent", "", 0, false},
		{"seconds", "120", 2 * time.Minute, true},
		{"at once", "0", 0, true},
		{"spaces around", " 5\t", 5 * time.Second, true},
		{"leading zeros", "007", 7 * time.Second, true},
		{"negative", "-1", 0, false},
		{"signed", "+1", 0, false},
		{"a fraction", "1.5", 0, false},
		{"an exponent", "1e3", 0, false},
		{"a unit", "5s", 0, false},
		{"several", "5, 6", 0, false},
		{"the longest", "9223372036", 9223372036 * time.Second, true},
		{"longer than a Duration", "9223372037", math.MaxInt64, true},
		{"longer than any integer", "99999999999999999999999", math.MaxInt64, true},
		{"a date", "Mon, 05 Aug 2019 09:27:05 GMT", 5 * time.Second, true},
		{"a date that is over", "Mon, 05 Aug 2019 09:26:00 GMT", 0, true},
		{"the date of the response", date, 0, true},
		{"an old form of date", "Monday, 05-Aug-19 09:27:05 GMT", 5 * time.Second, true},
		{"the oldest form of date", "Mon Aug  5 09:27:05 2019", 5 * time.Second, true},
		{"a date beyond a Duration", "Mon, 05 Aug 9019 09:27:05 GMT", math.MaxInt64, true},
		{"no date", "tomorrow", 0, false},
	} {
		d := &problem.Details{Status: 503, Header: http.Header{"Retry-After": {tt.field}, "Date": {date}}}
		wait, ok := d.RetryAfter()
		assert.Equal(t, tt.ok, ok, tt.why)
		assert.Equal(t, tt.want, wait, tt.why)
	}
}

func TestRetryAfterCountsFromNowWithoutADate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &problem.Details{Header: http.Header{"Retry-After": {time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)}}}
		wait, ok := d.RetryAfter()
		assert.True(t, ok)
		assert.Equal(t, time.Minute, wait)
	})
}

func TestRetryAfterReadsWhatItsOptionWrote(t *testing.T) {
	wait, ok := problem.New(503, problem.RetryAfter(90*time.Second)).RetryAfter()
	assert.True(t, ok)
	assert.Equal(t, 90*time.Second, wait)
}

func TestRetryableIsWhatMaySucceedLater(t *testing.T) {
	temporary := map[int]bool{408: true, 425: true, 429: true, 502: true, 503: true, 504: true}
	for s := range status.All() {
		assert.Equal(t, temporary[s.Code], problem.New(s.Code).Retryable(), "%v", s)
	}
	assert.True(t, problem.New(413, problem.RetryAfter(1)).Retryable(), "RFC 9110, 15.5.14")
	assert.False(t, problem.New(500, problem.Header("Retry-After", "soon")).Retryable())
}
