package connect

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/code"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/rejoinder-go/rejoinder/problem"
)

// Render returns a problem in the form of the protocol that the request is made
// in, and a nil body for any other request. It suits respond.Responder.Render:
//
//   - A unary call of Connect keeps the status of the problem, and its body is an
//     error in JSON.
//   - A stream of Connect is sent as 200, and its body is the message that ends it.
//   - gRPC and gRPC-Web are sent as 200 without a body. The header has grpc-status,
//     grpc-message, and grpc-status-details-bin.
//
// The code is that of [Code]. The message is the detail of the problem, or the
// title. The details are a google.rpc.RetryInfo where the response has
// Retry-After, which gRPC gets as grpc-retry-pushback-ms too; a google.rpc.ErrorInfo
// where the problem has a type; and a google.rpc.BadRequest of its field errors.
// Message and details are bounded to 1 and 4 KiB, since gRPC sends them in the
// header.
//
// A request is one of Connect by the Content-Type of its streams, by that of
// protobuf, or by Connect-Protocol-Version (for GET the parameter connect). A call
// with plain JSON and without a version is taken for any other request.
//
// Render is safe for concurrent use.
func Render(r *http.Request, d *problem.Details) (mediaType string, body []byte) {
	return RenderWith(RenderOptions{})(r, d)
}

// RenderOptions are settings of [RenderWith]. The zero value is Render itself.
type RenderOptions struct {
	// Code returns the code for a problem. Nil, or code.Code_OK, means that of the
	// function Code. It is called by many goroutines at once.
	Code func(*problem.Details) code.Code
}

// RenderWith is [Render] with settings.
func RenderWith(o RenderOptions) func(*http.Request, *problem.Details) (mediaType string, body []byte) {
	return func(r *http.Request, d *problem.Details) (string, []byte) {
		protocol, mediaType := protocolOf(r)
		if protocol == none {
			return "", nil
		}
		c := code.Code_OK
		if o.Code != nil {
			c = o.Code(d)
		}
		if c == code.Code_OK {
			c = Code(d)
		}
		status := &statuspb.Status{Code: int32(c), Message: messageOf(d), Details: detailsOf(d, c)}
		switch protocol {
		case connectUnary:
			return "application/json", appendError(nil, status)
		case connectStream:
			d.Status = http.StatusOK
			return mediaType, endOfStream(status)
		}
		d.Status = http.StatusOK
		setTrailers(d, status)
		return mediaType, []byte{}
	}
}

// setTrailers puts a status into the header: it is a response of trailers only.
func setTrailers(d *problem.Details, s *statuspb.Status) {
	if d.Header == nil { // which a Responder never leaves it
		d.Header = http.Header{}
	}
	d.Header["Grpc-Status"] = []string{strconv.Itoa(int(s.Code))}
	d.Header["Grpc-Message"] = []string{percentEncoded(s.Message)}
	if len(s.Details) > 0 {
		if b, err := proto.Marshal(s); err == nil {
			d.Header["Grpc-Status-Details-Bin"] = []string{base64.RawStdEncoding.EncodeToString(b)}
		}
	}
	if wait, ok := d.RetryAfter(); ok { // gRFC A6: when a client with a retry policy tries again
		d.Header["Grpc-Retry-Pushback-Ms"] = []string{strconv.FormatInt(wait.Milliseconds(), 10)}
	}
}

// percentEncoded returns a message as a header field of gRPC can have it.
func percentEncoded(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '%' {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// wireError is an error of Connect in JSON.
type wireError struct {
	Code    string       `json:"code"`
	Message string       `json:"message,omitempty"`
	Details []wireDetail `json:"details,omitempty"`
}

type wireDetail struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

func appendError(b []byte, s *statuspb.Status) []byte {
	e := wireError{Code: codeName(code.Code(s.Code)), Message: s.Message}
	for _, d := range s.Details {
		_, name, _ := strings.Cut(d.TypeUrl, "/")
		e.Details = append(e.Details, wireDetail{name, base64.RawStdEncoding.EncodeToString(d.Value)})
	}
	text, _ := json.Marshal(e) // strings alone
	return append(b, text...)
}

// endOfStream returns the message that ends a stream of Connect: a byte of flags,
// the length, and the JSON.
func endOfStream(s *statuspb.Status) []byte {
	const endStream = 0b10
	b := []byte{endStream, 0, 0, 0, 0}
	b = append(b, `{"error":`...)
	b = append(appendError(b, s), '}')
	binary.BigEndian.PutUint32(b[1:5], uint32(len(b)-5))
	return b
}

// codeName returns what Connect calls a code.
func codeName(c code.Code) string {
	if c == code.Code_CANCELLED {
		return "canceled"
	}
	return strings.ToLower(c.String())
}
