package request_test

import (
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/request"
)

func ExampleJSON() {
	type order struct {
		Item     string `json:"item"`
		Quantity int    `json:"quantity"`
	}
	r := httptest.NewRequest("POST", "/orders", strings.NewReader(`{"itme":"tea","quantity":"2"}`))
	r.Header.Set("Content-Type", "application/json")
	_, err := request.JSON[order](r)
	d := problem.From(err)
	fmt.Println(d.Status, d.Title)
	for _, fault := range d.Extensions["errors"].([]problem.FieldError) {
		fmt.Println(fault.Pointer, fault.Detail)
	}
	// Output:
	// 422 Unprocessable Entity
	// #/itme unknown member
	// #/quantity must be a whole number
}
