package respond_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// The URI of a type leads a browser to a page about it, and a tool to JSON.
func ExamplePages() {
	mux := http.NewServeMux()
	mux.Handle("/probs/", respond.Pages(
		problem.Define("https://example.com/probs/out-of-credit", "You do not have enough credit.", 403, "Top up the account, then send the order again."),
	))

	r := httptest.NewRequest("GET", "/probs/out-of-credit", nil)
	r.Header.Set("Accept", "application/json")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Print(w.Body)
	// Output:
	// {
	//   "type": "https://example.com/probs/out-of-credit",
	//   "title": "You do not have enough credit.",
	//   "status": 403,
	//   "description": "Top up the account, then send the order again."
	// }
}
