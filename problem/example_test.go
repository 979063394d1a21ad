package problem_test

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/rejoinder-go/rejoinder/problem"
)

// A problem is an error on the server, a document on the wire, and the same
// error for the client.
func Example() {
	d := OutOfCredit.New(
		problem.Detail("Your current balance is 30, but that costs 50."),
		problem.Extension("balance", 30),
		problem.Cause(errors.New("account 12345: debit refused by db7")))
	fmt.Println(d)

	doc, _ := json.MarshalIndent(d, "", "  ")
	fmt.Println(string(doc))

	var read problem.Details
	err := json.Unmarshal(doc, &read)
	fmt.Println(err, errors.Is(&read, OutOfCredit))
	// Output:
	// 403 You do not have enough credit: Your current balance is 30, but that costs 50.
	// {
	//   "type": "https://example.com/probs/out-of-credit",
	//   "title": "You do not have enough credit.",
	//   "status": 403,
	//   "detail": "Your current balance is 30, but that costs 50.",
	//   "balance": 30
	// }
	// <nil> true
}
