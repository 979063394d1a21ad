package main

import (
	"net/http"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/failsafehttp"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"github.com/rejoinder-go/rejoinder/problem"
)

// withFailsafe puts the Transport inside the policy, which then sees a failure as an
// error that states whether and when to retry.
func withFailsafe(base http.RoundTripper, maxWait time.Duration) *http.Client {
	policy := retrypolicy.NewBuilder[*http.Response]().
		HandleIf(func(_ *http.Response, err error) bool {
			_, retry := wait(err, 1, maxWait) // WithMaxAttempts counts
			return retry
		}).
		WithDelayFunc(func(exec failsafe.ExecutionAttempt[*http.Response]) time.Duration {
			pause, _ := wait(exec.LastError(), exec.Attempts(), maxWait)
			return pause
		}).
		WithMaxAttempts(maxTries).
		ReturnLastFailure().
		Build()
	return &http.Client{Transport: failsafehttp.NewRoundTripper(&problem.Transport{Base: base}, policy)}
}
