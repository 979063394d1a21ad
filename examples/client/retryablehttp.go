package main

import (
	"context"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/rejoinder-go/rejoinder/problem"
)

// withRetryableHTTP puts the Transport around the retrying client. If it stood inside,
// the client would see an error for each failure, retry all of them, and have no
// response to pass to Backoff.
//
// CheckResponse leaves the body of a failure readable, so that CheckRetry, Backoff and
// the Transport can all read the same response.
func withRetryableHTTP(base http.RoundTripper, maxWait time.Duration) *http.Client {
	c := retryablehttp.NewClient()
	c.HTTPClient = &http.Client{Transport: base}
	c.Logger = nil
	c.RetryMax = maxTries - 1
	c.CheckRetry = func(ctx context.Context, res *http.Response, err error) (bool, error) {
		if err != nil {
			return retryablehttp.DefaultRetryPolicy(ctx, res, err)
		}
		_, retry := wait(problem.CheckResponse(res), 1, maxWait) // RetryMax counts
		return retry, nil
	}
	c.Backoff = func(_, _ time.Duration, attempt int, res *http.Response) time.Duration {
		if res == nil {
			return time.Second << attempt
		}
		pause, _ := wait(problem.CheckResponse(res), attempt+1, maxWait)
		return pause
	}
	c.ErrorHandler = retryablehttp.PassthroughErrorHandler // the last failure, for the Transport
	return &http.Client{Transport: &problem.Transport{Base: &retryablehttp.RoundTripper{Client: c}}}
}
