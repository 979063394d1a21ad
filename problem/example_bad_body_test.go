package problem_test

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/rejoinder-go/rejoinder/problem"
)

// A handler that decodes the body itself converts the error, so that the client learns
// which value is wrong. Package request does both, and reports every fault.
func ExampleBadBodyFor() {
	var order struct {
		Item     string `json:"item"`
		Quantity int    `json:"quantity"`
	}
	body := strings.NewReader(`{"item":"tea","quantity":"two"}`)

	if err := json.NewDecoder(body).Decode(&order); err != nil {
		d := problem.From(problem.BadBodyFor(&order, err))
		fmt.Println(d.Status, d.Title)
		for _, fault := range d.Extensions["errors"].([]problem.FieldError) {
			fmt.Println(fault.Pointer, fault.Detail)
		}
	}
	// Output:
	// 422 Unprocessable Entity
	// #/quantity must be a whole number
}
