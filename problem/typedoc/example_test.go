package typedoc_test

import (
	"fmt"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/typedoc"
)

// The paths are those of the URIs. The handler of respond.Pages serves the pages there.
func ExamplePages() {
	types := []*problem.Type{
		problem.Define("https://example.com/probs/out-of-credit", "You do not have enough credit.", 403, "Top up the account."),
		problem.Define("https://example.com/probs/order-locked", "The order is locked.", 423, "Wait until the other editor is done."),
	}
	for _, page := range typedoc.Pages(types...)[:4] {
		fmt.Println(page.Path)
	}
	// Output:
	// /probs/
	// /probs/out-of-credit
	// /probs/order-locked
	// /probs/100
}
