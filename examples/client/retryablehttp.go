package main

import (
	"context"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/rejoinder-go/rejoinder/problem"
)

// withRetryableHTTP puts the Transport around the retrying client: inside, that
// would see an error for every failure and retry them all, and its Backoff would
// have no response to look at.
//
// CheckResponse leaves the body of a failure readable, so that CheckRetry, Backoff
// and the Transport may each look at the same response.
func withRetryableHTTP(base http.RoundTripper, patience time.Duration) *http.Client {
	c := retryablehttp.NewClient()
	c.HTTPClient = &http.Client{Transport: base}
	c.Logger = nil
	c.RetryMax = maxTries - 1
	c.CheckRetry = func(ctx context.Context, res *http.Response, err error) (bool, error) {
		if err != nil {
			return retryablehttp.DefaultRetryPolicy(ctx, res, err)
		}
		_, worthIt := wait(problem.CheckResponse(res), 1, patience) // RetryMax counts
		return worthIt, nil
	}
	c.Backoff = func(_, _ time.Duration, attempt int, res *http.Response) time.Duration {
		if res == nil {
			return time.Second << attempt
		}
		pause, _ := wait(problem.CheckResponse(res), attempt+1, patience)
		return pause
	}
	c.ErrorHandler = retryablehttp.PassthroughErrorHandler // the last failure, for the Transport
	return &http.Client{Transport: &problem.Transport{Base: &retryablehttp.RoundTripper{Client: c}}}
}
