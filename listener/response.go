package listener

import (
	"bytes"
	"errors"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
)

// serverResponse is a response that net/http's server writes without a handler.
type serverResponse struct {
	code   int
	text   string // the body, which describes the error
	writer string // the function that conn.serve calls to write it
	head   bool   // the request was HEAD, so the response has no body
}

// The server writes such a response in a single call and in one of three forms. The most usual
// one has this header, and the status line as its body.
const (
	plainHeader = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
	toTLSPort   = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"

	serve             = "net/http.(*conn).serve"
	expectationFailed = "net/http.(*response).sendExpectationFailed"
)

// maxResponse is larger than any response that the server writes by itself.
const maxResponse = 512

// recognize returns p as a response of the server, if it looks like one. It is called for each
// write, so its first line rejects everything that is not an error.
func recognize(p []byte) (serverResponse, bool) {
	if len(p) < len("HTTP/1.1 400 ") || len(p) > maxResponse || p[9] != '4' && p[9] != '5' || string(p[:7]) != "HTTP/1." {
		return serverResponse{}, false
	}
	if string(p) == toTLSPort {
		return serverResponse{code: 400, text: "client sent an HTTP request to an HTTPS server", writer: "io.WriteString"}, true
	}
	if string(p[8:13]) == " 417 " && bytes.HasSuffix(p, []byte("\r\n\r\n")) {
		// The server sends Content-Length: 0, except in a response to HEAD, since it
		// does not know the length for GET.
		head := !bytes.Contains(p, []byte("\r\nContent-Length: 0\r\n"))
		return serverResponse{code: 417, text: "Expectation Failed", writer: expectationFailed, head: head}, true
	}
	line, body, ok := bytes.Cut(p, []byte(plainHeader))
	if !ok {
		return serverResponse{}, false
	}
	code, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return serverResponse{}, false
	}
	return serverResponse{code: code, text: string(body), writer: "fmt.Fprintf"}, true
}

// maxFrames is how many frames of the stack are searched. A 417, which has the most, needs
// eight. The others are for wrappers of the connection.
const maxFrames = 24

// calledByServe returns the name of the function that conn.serve, the loop of an HTTP/1
// connection, has called. It returns "" on any other goroutine. For a write by a handler the
// function is the server's ServeHTTP, and a handler cannot change that.
func calledByServe() string {
	var pcs [maxFrames]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	for callee := ""; ; {
		f, more := frames.Next()
		if f.Function == serve {
			return callee
		}
		if !more {
			return ""
		}
		callee = f.Function
	}
}

// details explains to a client what the server's text means. A row applies to texts that end
// with its text. The rows are in the order of the server's checks.
var details = [...]struct{ text, detail string }{
	{"HTTP request to an HTTPS server", "The request used HTTP, but this port requires HTTPS. Send it again to the https address."},
	{"Unsupported transfer encoding", "The server does not support the transfer coding of the request. Send the body with chunked transfer coding or a Content-Length."},
	{"unsupported protocol version", "The server does not support this version of HTTP. Send the request as HTTP/1.1."},
	{"missing required Host header", "The request has no Host field, which HTTP/1.1 requires."},
	{"malformed Host header", "The Host field is not a host name with an optional port."},
	{"invalid header name", "The name of a header field contains an invalid character, such as a space."},
	{"400 Bad Request", "The request is incomplete or not well-formed HTTP, so the server could not read it."},
	{"Expectation Failed", "The server cannot meet the expectation of the request. It supports only 100-continue."},
}

// problem returns the problem to send instead of r. Its cause is the text of r.
func (r serverResponse) problem() *problem.Details {
	opts := []problem.Option{problem.Cause(errors.New("net/http: " + r.text))}
	for _, d := range details {
		if strings.HasSuffix(r.text, d.text) {
			opts = append(opts, problem.Detail(d.detail))
			break
		}
	}
	return problem.New(r.code, opts...)
}

// encode returns a whole response with the problem in JSON. Another format cannot be chosen,
// since the request is not available here.
func (r serverResponse) encode(d *problem.Details) []byte {
	body, _ := d.AppendJSON(nil) // cannot fail without extensions
	b := make([]byte, 0, 300+len(body))
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(d.Status), 10)
	b = append(append(b, ' '), d.Title...)
	b = append(b, "\r\nDate: "...)
	b = time.Now().UTC().AppendFormat(b, http.TimeFormat)
	b = append(b, "\r\nContent-Type: "+problem.MediaType+"\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	b = append(b, "\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"...)
	if r.head {
		return b
	}
	return append(b, body...)
}
