package request_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/request"
	"github.com/rejoinder-go/rejoinder/respond"
)

type Order struct {
	Item     string `json:"item"`
	Quantity int    `json:"quantity"`
}

func create(w http.ResponseWriter, r *http.Request) error {
	order, err := request.JSON[Order](r)
	if err != nil {
		return err
	}
	var v problem.Validation
	v.Check(order.Quantity > 0, "must be positive", "quantity")
	if err := v.Err(); err != nil {
		return err
	}
	respond.Created(w, "/orders/1", order)
	return nil
}

// A handler returns the error, and respond.Handler sends it.
func Example() {
	r := httptest.NewRequest("POST", "/orders", strings.NewReader(`{"item":"tea","quantity":2}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	respond.Handler(create).ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output:
	// 201 {"item":"tea","quantity":2}
}

// The problem lists all faults, each with a JSON Pointer to its place.
func ExampleJSON() {
	r := httptest.NewRequest("POST", "/orders", strings.NewReader(`{"itme":"tea","quantity":"2"}`))
	r.Header.Set("Content-Type", "application/json")

	_, err := request.JSON[Order](r)

	d := problem.From(err)
	fmt.Println(d.Status, d.Title)
	for _, fault := range d.Extensions["errors"].([]problem.FieldError) {
		fmt.Println(fault.Pointer, fault.Code, fault.Detail)
	}
	// Output:
	// 422 Unprocessable Entity
	// #/itme unknown unknown member
	// #/quantity type must be a whole number
}

// A webhook may get new members at any time, so its handler ignores unknown ones.
func ExampleDecoder() {
	decoder := request.Decoder{AllowUnknown: true, MaxBytes: 64 << 10}
	r := httptest.NewRequest("POST", "/webhook", strings.NewReader(`{"item":"tea","quantity":2,"gift":true}`))
	r.Header.Set("Content-Type", "application/json")

	var order Order
	err := decoder.Decode(r, &order)
	fmt.Println(order.Quantity, order.Item, err)
	// Output:
	// 2 tea <nil>
}
