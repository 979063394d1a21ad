package problem_test

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
)

// Without options the title and the detail are those of the status code.
func ExampleNew() {
	doc, _ := problem.New(http.StatusNotFound).AppendJSON(nil)
	fmt.Println(string(doc))
	// Output:
	// {"type":"about:blank","title":"Not Found","status":404,"detail":"The server found nothing at this address, or will not disclose that it exists."}
}

// The detail and the extensions are for the client, the header is for the response, and
// the cause is for the log.
func ExampleNew_options() {
	d := problem.New(http.StatusServiceUnavailable,
		problem.Detail("The warehouse is closed for stocktaking."),
		problem.Extension("warehouse", "Delft"),
		problem.RetryAfter(90*time.Second),
		problem.Cause(errors.New("dial tcp 10.0.0.7:5432: connection refused")))

	doc, _ := d.AppendJSON(nil)
	fmt.Println(string(doc))
	fmt.Println("Retry-After:", d.Header.Get("Retry-After"))
	fmt.Println("cause:", d.Unwrap())
	// Output:
	// {"type":"about:blank","title":"Service Unavailable","status":503,"detail":"The warehouse is closed for stocktaking.","warehouse":"Delft"}
	// Retry-After: 90
	// cause: dial tcp 10.0.0.7:5432: connection refused
}
