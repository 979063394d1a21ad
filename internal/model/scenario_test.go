package model_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"mime/multipart"
	"slices"
	"strings"
)

// A scenario is what stands around a program, and the program.
type scenario struct {
	protocol protocol
	request  request
	accept   string
	extra    []string // further lines of the request
	sendfile bool     // the connection has ReadFrom
	layers   []layer
	calls    []call
	data     []byte // what it was decoded from
}

type protocol int

const (
	http11 protocol = iota // with a second request behind the first
	http11Close
	http10
	http10KeepAlive // with a second request
	http2
)

var protocols = []protocol{http11, http11, http11, http2, http2, http10, http10KeepAlive, http11Close}

func (p protocol) String() string {
	return [...]string{"HTTP/1.1 with a second request", "HTTP/1.1 with Connection: close", "HTTP/1.0", "HTTP/1.0 with keep-alive and a second request", "HTTP/2"}[p]
}

// request is the method and the body of the first request.
type request struct {
	method  string
	size    int // of the body
	chunked bool
	expect  bool
	form    bool // the body is a multipart form with a file
}

var requests = []request{
	{method: "GET"}, {method: "HEAD"}, {method: "GET"}, {method: "POST", size: 5}, {method: "POST", size: 3000},
	{method: "POST", size: 5, chunked: true}, {method: "POST", size: 3000, expect: true}, {method: "POST", size: 3000, chunked: true},
	{method: "POST", form: true}, {method: "POST", size: 300 << 10}, {method: "POST", size: 300 << 10, chunked: true, expect: true}, {method: "POST"},
	{method: "HEAD"}, {method: "GET"}, {method: "OPTIONS"}, {method: "GET", size: 5},
}

var accepts = []string{"", "", "*/*", "application/json", "application/problem+xml", "text/html"}

// extras are further lines of the request.
var extras = []string{
	"", "", "", "", "Range: bytes=0-2", "Range: bytes=99999999-", "If-None-Match: \"e\"", "Connection: Upgrade\r\nUpgrade: websocket",
}

// headLength is the number of bytes that describe what stands around a program.
const headLength = 11

// layersAt is the place of the first byte that chooses the layers, of six.
const layersAt = 5

// maxCalls bounds the length of a program.
const maxCalls = 24

// decode makes a scenario of any bytes.
func decode(data []byte) *scenario {
	head := make([]byte, headLength)
	rest := data[copy(head, data):]
	s := &scenario{
		protocol: pick(protocols, head[0]),
		request:  pick(requests, head[1]),
		accept:   pick(accepts, head[2]),
		sendfile: head[4]%2 == 1,
		layers:   chain(head[layersAt:]),
		data:     data,
	}
	if line := pick(extras, head[3]); line != "" && s.protocol != http2 {
		s.extra = strings.Split(line, "\r\n")
	} else if line != "" && !strings.HasPrefix(line, "Connection") {
		s.extra = []string{line}
	}
	if s.protocol == http10 || s.protocol == http10KeepAlive {
		s.request.chunked, s.request.expect = false, false
	}
	for ; len(rest) >= 3 && len(s.calls) < maxCalls; rest = rest[3:] {
		s.calls = append(s.calls, call{rest[0], rest[1], rest[2]})
	}
	if s.makes(opRespond) && s.calls[0].kind() != opRespond {
		s.accept = "" // what comes into the middle of a response is not negotiated at the yardstick
	}
	return s
}

// has reports whether a layer is of one of the kinds.
func (s *scenario) has(k kind) bool {
	for _, l := range s.layers {
		if l.kind&k != 0 {
			return true
		}
	}
	return false
}

// makes reports whether one of the calls is of a kind.
func (s *scenario) makes(o op) bool {
	return slices.ContainsFunc(s.calls, func(c call) bool { return c.kind() == o })
}

// key differs for programs that show different faults.
func (s *scenario) key() string {
	var names []string
	for _, l := range s.layers {
		names = append(names, l.name)
	}
	return fmt.Sprint(s.protocol, names, s.calls)
}

// String is what a developer reads of a fault.
func (s *scenario) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v, %s", s.protocol, s.request)
	for _, line := range s.extra {
		fmt.Fprintf(&b, ", %s", line)
	}
	if s.accept != "" {
		fmt.Fprintf(&b, ", Accept: %s", s.accept)
	}
	if s.sendfile {
		b.WriteString(", ReadFrom as on TCP")
	}
	b.WriteString("\nlayers, the outermost first:")
	for _, l := range s.layers {
		fmt.Fprintf(&b, " %s;", l.name)
	}
	b.WriteString("\nfunc(w http.ResponseWriter, r *http.Request) error {\n\trc := http.NewResponseController(w)\n")
	for _, c := range s.calls {
		fmt.Fprintf(&b, "\t%s\n", c)
	}
	fmt.Fprintf(&b, "\treturn nil\n}\n-model.program=%s", hex.EncodeToString(s.data))
	return b.String()
}

func (q request) String() string {
	text := q.method
	switch {
	case q.form:
		text += " with a multipart form"
	case q.size > 0:
		text += fmt.Sprintf(" with %d bytes", q.size)
	}
	if q.chunked {
		text += ", chunked"
	}
	if q.expect {
		text += ", Expect: 100-continue"
	}
	return text
}

// body returns the body of the request, and its type.
func (q request) body() (content []byte, contentType string) {
	if !q.form {
		return bytes.Repeat([]byte("b"), q.size), "text/plain"
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.SetBoundary("boundary")
	part, _ := w.CreateFormFile("file", "file")
	_, _ = part.Write(bytes.Repeat([]byte("f"), 20<<10))
	_ = w.Close()
	return b.Bytes(), w.FormDataContentType()
}
