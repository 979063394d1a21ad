package problem_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/rejoinder-go/rejoinder/problem"
)

// The problem never contains the message of the error.
func ExampleFrom() {
	for _, err := range []error{
		fmt.Errorf("order 17: %w", problem.New(409, problem.Detail("the order was paid in the meantime"))),
		fmt.Errorf("query orders at db.internal: %w", context.DeadlineExceeded),
		&fs.PathError{Op: "open", Path: "/srv/orders/17", Err: fs.ErrNotExist},
		OutOfCredit,
		errors.New("nil pointer in billing.go"),
	} {
		d := problem.From(err)
		fmt.Println(d.Status, d.Title)
	}
	// Output:
	// 409 Conflict
	// 504 Gateway Timeout
	// 404 Not Found
	// 403 You do not have enough credit.
	// 500 Internal Server Error
}

// An application maps its own errors in one place. The Map field of respond.Responder is
// a Mapping too.
func ExampleMapping() {
	errNoRows := errors.New("sql: no rows in result set")
	mapping := problem.Mapping{func(err error) *problem.Details {
		if errors.Is(err, errNoRows) {
			return problem.New(404)
		}
		return nil // some other error
	}}
	err := fmt.Errorf("order 17: %w", errNoRows)
	d := mapping.From(err)
	fmt.Println(d.Status, d.Title)
	fmt.Println("for the log:", d.Unwrap())
	// Output:
	// 404 Not Found
	// for the log: order 17: sql: no rows in result set
}
