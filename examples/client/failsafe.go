package main

import (
	"net/http"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/failsafehttp"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"github.com/rejoinder-go/rejoinder/problem"
)

// withFailsafe puts the Transport inside the policy, which then decides by errors
// alone: a problem says by itself whether and when to come back.
func withFailsafe(base http.RoundTripper, patience time.Duration) *http.Client {
	policy := retrypolicy.NewBuilder[*http.Response]().
		HandleIf(func(_ *http.Response, err error) bool {
			_, worthIt := wait(err, 1, patience) // WithMaxAttempts counts
			return worthIt
		}).
		WithDelayFunc(func(exec failsafe.ExecutionAttempt[*http.Response]) time.Duration {
			pause, _ := wait(exec.LastError(), exec.Attempts(), patience)
			return pause
		}).
		WithMaxAttempts(maxTries).
		ReturnLastFailure().
		Build()
	return &http.Client{Transport: failsafehttp.NewRoundTripper(&problem.Transport{Base: base}, policy)}
}
