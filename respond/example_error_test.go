package respond_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// show prints what a client of h receives.
func show(h http.Handler, r *http.Request) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	res := w.Result()
	fmt.Println(res.StatusCode, res.Header.Get("Content-Type"))
	fmt.Print(w.Body)
}

func ExampleError() {
	h := func(w http.ResponseWriter, r *http.Request) {
		respond.Error(w, 409, problem.Detail("The order was paid in the meantime."))
	}
	show(http.HandlerFunc(h), httptest.NewRequest("PUT", "/orders/17", nil))
	// Output:
	// 409 application/problem+json
	// {"type":"about:blank","title":"Conflict","status":409,"detail":"The order was paid in the meantime."}
}

// A problem of a type of your own, which clients can compare with errors.Is.
func ExampleProblem() {
	outOfStock := problem.Define("https://example.com/problems/out-of-stock", "Out of Stock", 409,
		"There is less of the item than was ordered.")

	h := func(w http.ResponseWriter, r *http.Request) {
		respond.Problem(w, r, outOfStock.New(problem.Detail("Three are left."), problem.Extension("available", 3)))
	}
	show(http.HandlerFunc(h), httptest.NewRequest("POST", "/orders", nil))
	// Output:
	// 409 application/problem+json
	// {"type":"https://example.com/problems/out-of-stock","title":"Out of Stock","status":409,"detail":"Three are left.","available":3}
}

// An error that is not a problem is a 500. Its message goes to the log, and not to
// the client.
func ExampleFail() {
	load := func() ([]string, error) { return nil, errors.New("dial tcp 192.0.2.7:5432: connection refused") }

	h := func(w http.ResponseWriter, r *http.Request) {
		orders, err := load()
		if err != nil {
			respond.Fail(w, r, err)
			return
		}
		respond.JSON(w, 200, orders)
	}
	show(http.HandlerFunc(h), httptest.NewRequest("GET", "/orders", nil))
	// Output:
	// 500 application/problem+json
	// {"type":"about:blank","title":"Internal Server Error","status":500,"detail":"The server met a condition it did not expect and could not fulfil the request."}
}

// A handler returns its error instead of writing it.
func ExampleHandler() {
	orders := map[string]string{"17": "tea"}

	mux := http.NewServeMux()
	mux.Handle("GET /orders/{id}", respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		item, ok := orders[r.PathValue("id")]
		if !ok {
			return problem.New(404, problem.Detail("There is no such order."))
		}
		respond.JSON(w, 200, item)
		return nil
	}))

	show(mux, httptest.NewRequest("GET", "/orders/17", nil))
	show(mux, httptest.NewRequest("GET", "/orders/18", nil))
	// Output:
	// 200 application/json
	// "tea"
	// 404 application/problem+json
	// {"type":"about:blank","title":"Not Found","status":404,"detail":"There is no such order."}
}

var errNoOrder = errors.New("store: no row")

// A Responder defines once what the errors of an application mean, so that handlers
// can return them.
func ExampleResponder() {
	responder := respond.Responder{
		Map: problem.Mapping{func(err error) *problem.Details {
			if errors.Is(err, errNoOrder) {
				return problem.New(404, problem.Detail("There is no such order."))
			}
			return nil
		}},
		Logger: slog.New(slog.DiscardHandler),
	}
	h := responder.Handler(func(w http.ResponseWriter, r *http.Request) error {
		return fmt.Errorf("order %s: %w", r.URL.Path, errNoOrder)
	})
	show(h, httptest.NewRequest("GET", "/orders/17", nil))
	// Output:
	// 404 application/problem+json
	// {"type":"about:blank","title":"Not Found","status":404,"detail":"There is no such order."}
}
