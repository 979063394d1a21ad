package main

import (
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
)

// byHand is an [http.RoundTripper] that retries requests without a body.
type byHand struct {
	Base    http.RoundTripper
	MaxWait time.Duration // the longest wait before a retry
}

// RoundTrip sends the request until it succeeds, or until wait gives up.
func (t *byHand) RoundTrip(req *http.Request) (*http.Response, error) {
	checked := &problem.Transport{Base: t.Base}
	for tries := 1; ; tries++ {
		res, err := checked.RoundTrip(req)
		if err == nil || req.Body != nil {
			return res, err
		}
		pause, retry := wait(err, tries, t.MaxWait)
		if !retry {
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
