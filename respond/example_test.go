package respond_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/rejoinder-go/rejoinder/respond"
)

func ExampleJSON() {
	type order struct {
		Item     string `json:"item"`
		Quantity int    `json:"quantity"`
	}
	h := func(w http.ResponseWriter, r *http.Request) {
		respond.JSON(w, 200, order{"tea", 2})
	}
	show(http.HandlerFunc(h), httptest.NewRequest("GET", "/orders/17", nil))
	// Output:
	// 200 application/json
	// {"item":"tea","quantity":2}
}

// A client that sends back the entity tag of an order gets a 304 while the order has
// not changed. A write with the tag of an older revision gets a 412.
func ExampleConditional() {
	order := struct {
		Item     string `json:"item"`
		Revision string `json:"-"`
	}{"tea", "3"}

	h := respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		state := respond.Validators{Tag: order.Revision}
		if r.Method == http.MethodPut {
			if err := state.Require(r); err != nil {
				return err
			}
			order.Revision = "4"
			respond.NoContent(w)
			return nil
		}
		if respond.Conditional(w, r, state) {
			return nil
		}
		respond.JSON(w, 200, order)
		return nil
	})

	for _, c := range []struct{ method, field, value string }{
		{"GET", "", ""},
		{"GET", "If-None-Match", `"3"`},
		{"PUT", "If-Match", `"2"`},
		{"PUT", "If-Match", `"3"`},
		{"PUT", "", ""},
	} {
		r := httptest.NewRequest(c.method, "/orders/17", nil)
		if c.field != "" {
			r.Header.Set(c.field, c.value)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Printf("%s %s %s: %d\n", c.method, c.field, c.value, w.Code)
	}
	// Output:
	// GET  : 200
	// GET If-None-Match "3": 304
	// PUT If-Match "2": 412
	// PUT If-Match "3": 204
	// PUT  : 428
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

// The location to continue at, such as the next parameter of a login page, may be
// hostile.
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
