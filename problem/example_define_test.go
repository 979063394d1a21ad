package problem_test

import (
	"errors"
	"fmt"

	"github.com/rejoinder-go/rejoinder/problem"
)

// A type is a package-level variable of the service. A client written in Go can define
// the same type, and compare errors with it.
func ExampleDefine() {
	outOfStock := problem.Define("https://example.com/problems/out-of-stock", "Out of Stock", 409,
		"There is less of the item than was ordered.",
		problem.Member{Name: "available", Doc: "How many items are left.", Example: 3})

	var err error = outOfStock.New(
		problem.Detail("Only 3 of item 4711 are left."),
		problem.Extension("available", 3))

	fmt.Println(errors.Is(err, outOfStock))
	doc, _ := problem.From(err).AppendJSON(nil)
	fmt.Println(string(doc))
	// Output:
	// true
	// {"type":"https://example.com/problems/out-of-stock","title":"Out of Stock","status":409,"detail":"Only 3 of item 4711 are left.","available":3}
}
