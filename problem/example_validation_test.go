package problem_test

import (
	"fmt"

	"github.com/rejoinder-go/rejoinder/problem"
)

// The place of a fault is a path through the JSON text.
func ExampleValidation() {
	order := struct {
		Email string
		Items []struct{ Quantity int }
	}{"", []struct{ Quantity int }{{2}, {0}}}

	var v problem.Validation
	v.Check(order.Email != "", "must not be empty", "email")
	for i, item := range order.Items {
		v.Check(item.Quantity > 0, "must be a positive integer", "items", i, "quantity")
	}
	d := problem.From(v.Err(problem.Detail("The order is not valid.")))
	fmt.Println(d)
	for _, e := range d.Extensions["errors"].([]problem.FieldError) {
		fmt.Println(e.Pointer, e.Detail)
	}
	// Output:
	// 422 Unprocessable Entity: The order is not valid.
	// #/email must not be empty
	// #/items/1/quantity must be a positive integer
}

// validatorError is part of the FieldError interface of go-playground/validator.
// Namespace has the names of the JSON text if RegisterTagNameFunc was called.
type validatorError interface {
	Namespace() string
	Tag() string
	Param() string
}

// Each error of a validator becomes a FieldError. Its message is in terms of Go, so the
// client gets another one. The module contrib/validator does this for
// go-playground/validator.
func ExamplePointerFromNamespace() {
	validate := func() []validatorError {
		return []validatorError{fault{"Order.email", "required", ""}, fault{"Order.items[1].quantity", "gte", "1"}}
	}

	var v problem.Validation
	for _, e := range validate() {
		detail := "is not valid"
		switch e.Tag() {
		case "required":
			detail = "must not be empty"
		case "gte":
			detail = "must be at least " + e.Param()
		}
		v.Add(problem.FieldError{Detail: detail, Pointer: problem.PointerFromNamespace(e.Namespace())})
	}
	b, _ := problem.From(v.Err(problem.Detail(""))).AppendJSON(nil)
	fmt.Println(string(b))
	// Output:
	// {"type":"about:blank","title":"Unprocessable Entity","status":422,"errors":[{"detail":"must not be empty","pointer":"#/email"},{"detail":"must be at least 1","pointer":"#/items/1/quantity"}]}
}

type fault struct{ namespace, tag, param string }

func (f fault) Namespace() string { return f.namespace }
func (f fault) Tag() string       { return f.tag }
func (f fault) Param() string     { return f.param }
