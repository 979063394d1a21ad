package listener_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/rejoinder-go/rejoinder/listener"
	"github.com/rejoinder-go/rejoinder/problem"
)

// A request without a Host field reaches no handler. The client gets a problem document all the
// same, and Report is called.
func Example() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := &http.Server{}
	defer server.Close()
	reported := make(chan error, 1)
	go server.Serve(listener.Normalizer{
		Report: func(_ net.Addr, d *problem.Details) { reported <- d.Unwrap() },
	}.Wrap(l))

	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		panic(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /orders/17 HTTP/1.1\r\n\r\n")
	res, err := io.ReadAll(c)
	if err != nil {
		panic(err)
	}
	_, body, _ := strings.Cut(string(res), "\r\n\r\n")
	fmt.Println(body)
	fmt.Println(<-reported)
	// Output:
	// {"type":"about:blank","title":"Bad Request","status":400,"detail":"The request has no Host field, which HTTP/1.1 requires."}
	// net/http: 400 Bad Request: missing required Host header
}
