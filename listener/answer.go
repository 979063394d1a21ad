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

// answer is what net/http's server says without a handler.
type answer struct {
	code   int
	text   string // what the server says about it
	writer string // the function that the server's loop calls to write it
	head   bool   // to a HEAD request, so it has no content
}

// The server writes an answer of its own in a single call, and in one of three
// forms. The first has this header, and repeats the status line as its content.
const (
	plainHeader = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
	toTLSPort   = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"

	serve             = "net/http.(*conn).serve"
	expectationFailed = "net/http.(*response).sendExpectationFailed"
)

// maxAnswer is more bytes than any of those answers has.
const maxAnswer = 512

// recognise tells which answer of the server p is, if p looks like one. It is
// called for each write, so the first line rejects whatever is no error.
func recognise(p []byte) (answer, bool) {
	if len(p) < len("HTTP/1.1 400 ") || len(p) > maxAnswer || p[9] != '4' && p[9] != '5' || string(p[:7]) != "HTTP/1." {
		return answer{}, false
	}
	if string(p) == toTLSPort {
		return answer{code: 400, text: "client sent an HTTP request to an HTTPS server", writer: "io.WriteString"}, true
	}
	if string(p[8:13]) == " 417 " && bytes.HasSuffix(p, []byte("\r\n\r\n")) {
		// The server counts the content that it does not send, unless a
		// GET would have had some.
		head := !bytes.Contains(p, []byte("\r\nContent-Length: 0\r\n"))
		return answer{code: 417, text: "Expectation Failed", writer: expectationFailed, head: head}, true
	}
	line, content, ok := bytes.Cut(p, []byte(plainHeader))
	if !ok {
		return answer{}, false
	}
	code, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return answer{}, false
	}
	return answer{code: code, text: string(content), writer: "fmt.Fprintf"}, true
}

// maxFrames bounds the look at the stack. The longest way, that of a 417, has
// eight frames; the rest is for wrappers around the connections.
const maxFrames = 24

// calledByServe returns the function that the loop of an HTTP/1 connection has
// called, if this is running on its goroutine, and "" otherwise. Whatever a
// handler does is beneath its ServeHTTP; no caller can arrange another answer.
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

// explained has, for what the server says, what a client can do about it. The
// rows are in the order of the server's checks.
var explained = [...]struct{ text, detail string }{
	{"HTTP request to an HTTPS server", "This port speaks HTTPS, and the request came in plain HTTP. Send it again to the https address."},
	{"Unsupported transfer encoding", "The server does not know the transfer coding of the request. Send the content chunked, or with its Content-Length."},
	{"unsupported protocol version", "The server does not speak this version of HTTP. Send the request as HTTP/1.1."},
	{"missing required Host header", "The request has no Host field, which HTTP/1.1 requires."},
	{"malformed Host header", "The Host field is no host name with an optional port."},
	{"invalid header name", "The name of a header field has a character, such as a space, that no name may have."},
	{"400 Bad Request", "The request is incomplete or no well-formed HTTP, so the server could not read it."},
	{"Expectation Failed", "The server cannot meet the expectation of the request. The only one that it knows is 100-continue."},
}

func (a answer) problem() *problem.Details {
	opts := []problem.Option{problem.Cause(errors.New("net/http: " + a.text))}
	for _, e := range explained {
		if strings.HasSuffix(a.text, e.text) {
			opts = append(opts, problem.Detail(e.detail))
			break
		}
	}
	return problem.New(a.code, opts...)
}

// encode returns the whole answer. It is in JSON whatever the client prefers:
// the request, if there is one, cannot be seen from here.
func (a answer) encode(d *problem.Details) []byte {
	body, _ := d.AppendJSON(nil) // fails for extensions, and it has none
	b := make([]byte, 0, 300+len(body))
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(d.Status), 10)
	b = append(append(b, ' '), d.Title...)
	b = append(b, "\r\nDate: "...)
	b = time.Now().UTC().AppendFormat(b, http.TimeFormat)
	b = append(b, "\r\nContent-Type: "+problem.MediaType+"\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	b = append(b, "\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"...)
	if a.head {
		return b
	}
	return append(b, body...)
}
