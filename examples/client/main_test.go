package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// inProcess sends requests to a handler, so that a test has its own time.
type inProcess struct {
	http.Handler
	sent []time.Time
}

func (t *inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	t.sent = append(t.sent, time.Now())
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := httptest.NewRequest(r.Method, r.URL.String(), r.Body).WithContext(r.Context())
	w := httptest.NewRecorder()
	t.ServeHTTP(w, in)
	res := w.Result()
	res.Request = r
	return res, nil
}

// pauses returns how long the client waited between its requests.
func (t *inProcess) pauses() []time.Duration {
	pauses := []time.Duration{}
	for i := 1; i < len(t.sent); i++ {
		pauses = append(pauses, t.sent[i].Sub(t.sent[i-1]).Truncate(time.Millisecond))
	}
	return pauses
}

const maxWait = 30 * time.Second

// everyClient runs a test with each way to retry, in a time of its own.
func everyClient(t *testing.T, test func(t *testing.T, client func(http.RoundTripper) *http.Client)) {
	for name, client := range map[string]func(http.RoundTripper) *http.Client{
		"by hand":       func(base http.RoundTripper) *http.Client { return &http.Client{Transport: &byHand{base, maxWait}} },
		"retryablehttp": func(base http.RoundTripper) *http.Client { return withRetryableHTTP(base, maxWait) },
		"failsafe":      func(base http.RoundTripper) *http.Client { return withFailsafe(base, maxWait) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, client) })
		})
	}
}

func get(t *testing.T, client *http.Client) (string, error) {
	t.Helper()
	var body bytes.Buffer
	err := fetch(t.Context(), client, "http://example.com/todos", &body)
	return body.String(), err
}

// fails responds with the problems in turn, and then with a success.
func fails(problems ...*problem.Details) http.HandlerFunc {
	n := 0
	return func(w http.ResponseWriter, r *http.Request) {
		if n < len(problems) {
			respond.Problem(w, r, problems[n])
			n++
			return
		}
		_, _ = io.WriteString(w, "done")
	}
}

func TestClientWaitsAsA429States(t *testing.T) {
	everyClient(t, func(t *testing.T, client func(http.RoundTripper) *http.Client) {
		limit := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerMinute(6), Key: ratelimit.ByIP(clientip.Direct)})
		base := &inProcess{Handler: limit(fails())}
		c := client(base)
		for range 8 { // two more than the quota: one unit comes back in ten seconds
			body, err := get(t, c)
			require.NoError(t, err)
			assert.Equal(t, "done", body)
		}
		assert.Len(t, base.sent, 10)
		assert.Equal(t, 20*time.Second, base.sent[9].Sub(base.sent[0]).Truncate(time.Second), "no earlier, and not much later")
	})
}

func TestClientWaitsAsEachFailureStates(t *testing.T) {
	everyClient(t, func(t *testing.T, client func(http.RoundTripper) *http.Client) {
		base := &inProcess{Handler: fails(problem.New(503, problem.RetryAfter(7*time.Second)), problem.New(429, problem.RetryAfter(3*time.Second)), problem.New(502))}
		body, err := get(t, client(base))
		require.NoError(t, err)
		assert.Equal(t, "done", body)
		assert.Equal(t, []time.Duration{7 * time.Second, 3 * time.Second, 4 * time.Second}, base.pauses(), "the last says nothing: the third step of the backoff")
	})
}

func TestClientGivesUpAWaitThatIsTooLong(t *testing.T) {
	everyClient(t, func(t *testing.T, client func(http.RoundTripper) *http.Client) {
		base := &inProcess{Handler: fails(problem.New(429, problem.RetryAfter(time.Hour), problem.Detail("come back tomorrow")))}
		_, err := get(t, client(base))
		d, ok := errors.AsType[*problem.Details](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, "come back tomorrow", d.Detail, "the whole problem is there")
		wait, ok := d.RetryAfter()
		assert.True(t, ok)
		assert.Equal(t, time.Hour, wait)
		assert.Empty(t, base.pauses(), "no early second try")
	})
}

func TestClientRetriesOnlyWhatMaySucceed(t *testing.T) {
	outOfCredit := problem.Define("https://example.com/probs/out-of-credit", "You do not have enough credit.", 403, "")
	everyClient(t, func(t *testing.T, client func(http.RoundTripper) *http.Client) {
		base := &inProcess{Handler: fails(outOfCredit.New(problem.Extension("balance", 30)))}
		_, err := get(t, client(base))
		assert.ErrorIs(t, err, outOfCredit)
		d, _ := errors.AsType[*problem.Details](err)
		var balance int
		require.NoError(t, d.Extension("balance", &balance))
		assert.Equal(t, 30, balance)
		assert.Len(t, base.sent, 1)
	})
}

func TestClientStopsAfterSomeTries(t *testing.T) {
	everyClient(t, func(t *testing.T, client func(http.RoundTripper) *http.Client) {
		busy := problem.New(503, problem.Detail("still busy"))
		base := &inProcess{Handler: fails(busy, busy, busy, busy, busy, busy)}
		_, err := get(t, client(base))
		d, ok := errors.AsType[*problem.Details](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, "still busy", d.Detail)
		assert.Len(t, base.sent, maxTries)
	})
}

func TestClientStopsWaitingWithItsContext(t *testing.T) {
	everyClient(t, func(t *testing.T, client func(http.RoundTripper) *http.Client) {
		base := &inProcess{Handler: fails(problem.New(503, problem.RetryAfter(20*time.Second)))}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		err := fetch(ctx, client(base), "http://example.com/", io.Discard)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 5*time.Second, time.Since(began))
	})
}
