package client

import (
	"errors"
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
)

var retrying = &http.Client{Transport: &RetryTransport{MaxWait: 10 * time.Second}}

// RetryTransport sends a request that got a 429 again, after the time that Retry-After
// states. That is safe for any method, since the first request was not carried out.
type RetryTransport struct {
	Base    http.RoundTripper // nil means http.DefaultTransport
	MaxWait time.Duration     // the longest wait before a retry
}

// RoundTrip implements [http.RoundTripper].
func (t *RetryTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	for {
		res, err := base.RoundTrip(r)
		if err != nil || res.StatusCode != http.StatusTooManyRequests {
			return res, err
		}
		refused, _ := errors.AsType[*problem.Details](problem.CheckResponse(res)) // leaves the body readable
		wait, stated := refused.RetryAfter()
		if !stated || wait > t.MaxWait || r.Body != nil && r.GetBody == nil {
			return res, nil
		}
		_ = res.Body.Close()
		select {
		case <-time.After(wait):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
		again := r.Clone(r.Context())
		if r.GetBody != nil {
			if again.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
		r = again
	}
}
