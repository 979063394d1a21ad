package problem_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// OutOfCredit is a type that the server and its clients share.
var OutOfCredit = problem.Define("https://example.com/probs/out-of-credit",
	"You do not have enough credit.", http.StatusForbidden,
	"Top up the account, then send the order again.")

func purchase(w http.ResponseWriter, r *http.Request) {
	respond.Problem(w, r, OutOfCredit.New(
		problem.Detail("Your current balance is 30, but that costs 50."),
		problem.Extension("balance", 30)))
}

// A client recognizes a problem by its type and reads its extensions.
func ExampleCheckResponse() {
	srv := httptest.NewServer(http.HandlerFunc(purchase))
	defer srv.Close()

	buy := func() error {
		res, err := srv.Client().Post(srv.URL, "application/json", nil)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		return problem.CheckResponse(res)
	}

	err := buy()
	if errors.Is(err, OutOfCredit) {
		d, _ := errors.AsType[*problem.Details](err)
		var balance int
		if err := d.Extension("balance", &balance); err != nil {
			fmt.Println(err)
		}
		fmt.Println(d.Detail)
		fmt.Println("balance:", balance)
	}
	// Output:
	// Your current balance is 30, but that costs 50.
	// balance: 30
}

// A client with a Transport gets every failure as an error, even if the response has no
// problem document.
func ExampleTransport() {
	busy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "30")
		http.Error(w, "<p>be right back</p>", http.StatusServiceUnavailable)
	})
	srv := httptest.NewServer(busy)
	defer srv.Close()

	client := &http.Client{Transport: &problem.Transport{}}
	_, err := client.Get(srv.URL)
	if d, ok := errors.AsType[*problem.Details](err); ok && d.Retryable() {
		wait, _ := d.RetryAfter()
		fmt.Printf("%d %s: try again in %v\n", d.Status, d.Title, min(wait, time.Minute))
	}
	// Output:
	// 503 Service Unavailable: try again in 30s
}
