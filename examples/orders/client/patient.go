package client

import (
	"errors"
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
)

var patient = &http.Client{Transport: &Patient{Max: 10 * time.Second}}

// Patient sends a request that was refused with 429 again, once the service has
// said it may come back: it was not carried out, so that does no harm whatever
// its method.
type Patient struct {
	Base http.RoundTripper // nil means http.DefaultTransport
	Max  time.Duration     // the longest wait that is worth it
}

// RoundTrip implements http.RoundTripper.
func (p *Patient) RoundTrip(r *http.Request) (*http.Response, error) {
	base := p.Base
	if base == nil {
		base = http.DefaultTransport
	}
	for {
		res, err := base.RoundTrip(r)
		if err != nil || res.StatusCode != http.StatusTooManyRequests {
			return res, err
		}
		refused, _ := errors.AsType[*problem.Details](problem.CheckResponse(res)) // leaves the body to be read
		wait, stated := refused.RetryAfter()
		if !stated || wait > p.Max || r.Body != nil && r.GetBody == nil {
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
