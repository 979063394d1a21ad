package main

import (
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
)

// byHand is an [http.RoundTripper] that retries requests without a body.
type byHand struct {
	Base     http.RoundTripper
	Patience time.Duration
}

// RoundTrip sends the request until it succeeds, or waiting is not worth it.
func (t *byHand) RoundTrip(req *http.Request) (*http.Response, error) {
	checked := &problem.Transport{Base: t.Base}
	for tries := 1; ; tries++ {
		res, err := checked.RoundTrip(req)
		if err == nil || req.Body != nil {
			return res, err
		}
		pause, worthIt := wait(err, tries, t.Patience)
		if !worthIt {
			return nil, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-req.Context().Done():
			timer.Stop()
			return nil, req.Context().Err()
		}
	}
}
