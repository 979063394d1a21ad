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

// Render encodes a problem as an error of the request's protocol. For a request of
// no such protocol it returns a nil body. It suits respond.Responder.Render:
//
//   - The response to a unary call of Connect keeps the status of the problem. Its
//     body is the error in JSON.
//   - The response to a streaming call of Connect has the status 200. Its body is the
//     message that ends the stream.
//   - The response to a call of gRPC or gRPC-Web has the status 200 and no body. Its
//     header has grpc-status, grpc-message and grpc-status-details-bin.
//
// The code is that of [Code]. The message is the detail of the problem, or otherwise
// its title. The details are a google.rpc.RetryInfo if the response has Retry-After,
// which gRPC also gets as grpc-retry-pushback-ms; a google.rpc.ErrorInfo if the
// problem has a type; and a google.rpc.BadRequest with its field errors. The message
// is at most 1 KiB long and the details 4 KiB, since gRPC sends them in the header.
//
// A call of Connect is recognized by the Content-Type of its streams, by that of
// protobuf, or by Connect-Protocol-Version (for GET, by the parameter connect). A
// call with plain JSON that does not name the version is not recognized.
//
// Render is safe for concurrent use.
func Render(r *http.Request, d *problem.Details) (mediaType string, body []byte) {
	return RenderWith(RenderOptions{})(r, d)
}

// RenderOptions are settings of [RenderWith]. The zero value is Render itself.
type RenderOptions struct {
	// Code returns the code of a problem. If Code is nil, or returns code.Code_OK,
	// the code is that of the function Code. It may be called concurrently.
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

// setTrailers adds a status to the header, as in gRPC's "Trailers-Only" response.
func setTrailers(d *problem.Details, s *statuspb.Status) {
	if d.Header == nil { // never so in a Responder
		d.Header = http.Header{}
	}
	d.Header["Grpc-Status"] = []string{strconv.Itoa(int(s.Code))}
	d.Header["Grpc-Message"] = []string{percentEncoded(s.Message)}
	if len(s.Details) > 0 {
		if b, err := proto.Marshal(s); err == nil {
			d.Header["Grpc-Status-Details-Bin"] = []string{base64.RawStdEncoding.EncodeToString(b)}
		}
	}
	if wait, ok := d.RetryAfter(); ok { // gRFC A6: when a client with a retry policy may retry
		d.Header["Grpc-Retry-Pushback-Ms"] = []string{strconv.FormatInt(wait.Milliseconds(), 10)}
	}
}

// percentEncoded encodes a message for the grpc-message field.
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
	text, _ := json.Marshal(e) // cannot fail: it has only strings
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

// codeName returns Connect's name of a code.
func codeName(c code.Code) string {
	if c == code.Code_CANCELLED {
		return "canceled"
	}
	return strings.ToLower(c.String())
}
