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

// show prints what a client of h gets.
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

var errNoOrder = errors.New("store: no row")

// A Responder says once what the errors of an application mean, so that
// handlers can return them.
func ExampleResponder() {
	answers := respond.Responder{
		Map: problem.Mapping{func(err error) *problem.Details {
			if errors.Is(err, errNoOrder) {
				return problem.New(404, problem.Detail("There is no such order."))
			}
			return nil
		}},
		Logger: slog.New(slog.DiscardHandler),
	}
	h := answers.Handler(func(w http.ResponseWriter, r *http.Request) error {
		return fmt.Errorf("order %s: %w", r.URL.Path, errNoOrder)
	})
	show(h, httptest.NewRequest("GET", "/orders/17", nil))
	// Output:
	// 404 application/problem+json
	// {"type":"about:blank","title":"Not Found","status":404,"detail":"There is no such order."}
}

func ExampleNDJSON() {
	h := respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		return respond.NDJSON(w, r, func(yield func(string, error) bool) {
			_ = yield("tea", nil) && yield("milk", nil)
		})
	})
	show(h, httptest.NewRequest("GET", "/orders", nil))
	// Output:
	// 200 application/x-ndjson
	// "tea"
	// "milk"
}

func ExampleNegotiate() {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		respond.Vary(w, "Accept")
		switch respond.Negotiate(r, "application/json", "text/csv") {
		case "text/csv":
			respond.Bytes(w, 200, "text/csv", []byte("id,item\n17,tea\n"))
		default:
			respond.JSON(w, 200, []string{"tea"})
		}
	})
	r := httptest.NewRequest("GET", "/orders", nil)
	r.Header.Set("Accept", "application/json;q=0.5, text/csv")
	show(h, r)
	// Output:
	// 200 text/csv
	// id,item
	// 17,tea
}

// An address to come back to, such as the next parameter of a login page, is
// anybody's word.
func ExampleRedirector() {
	back := respond.Redirector{Fallback: "/"}
	for _, next := range []string{"/orders?page=2", "//evil.example/", `/\evil.example`} {
		w := httptest.NewRecorder()
		back.Redirect(w, http.StatusSeeOther, next)
		fmt.Println(w.Code, w.Header().Get("Location"))
	}
	// Output:
	// 303 /orders?page=2
	// 303 /
	// 303 /
}
