package request

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/rejoinder-go/rejoinder/problem"
)

// The bounds of [JSON], and the defaults of a [Decoder].
const (
	DefaultMaxBytes = 1 << 20 // the size of a body, in bytes
	DefaultMaxDepth = 64      // the depth of nested arrays and objects
)

// JSON decodes the body of r into a T. The error is a *problem.Details. Its status code is
//
//   - 400 if the body is missing, is not JSON in UTF-8, or is nested more deeply than
//     [DefaultMaxDepth];
//   - 408 if the body was not received in time;
//   - 413 if the body is larger than [DefaultMaxBytes];
//   - 415 if the media type is not application/json and does not end in +json, the
//     charset is not UTF-8, or the body is compressed;
//   - 422 if a member is unknown, repeated or of the wrong type, or if decoding would lose
//     or change a value: a number outside the range of the Go type, an array that is longer
//     or shorter than the Go array, an unpaired surrogate, or a name that is not a valid key
//     of the map. A number for a json.Number or a type that decodes itself, such as those of
//     math/big, has at most 1000 bytes and an exponent of at most 3 digits;
//   - 500 if no JSON can be decoded into a T by every release of Go, which is a bug of the
//     program.
//
// A 422 lists up to [problem.MaxFieldErrors] faults in its "errors" extension. Each is a
// [problem.FieldError] with a pointer and a code, such as [problem.CodeUnknown].
//
// Unlike in encoding/json, names of members are case-sensitive. No member is required, and as
// in encoding/json a null makes a pointer, map, slice or interface nil and leaves any other
// value unchanged. If the UnmarshalJSON or UnmarshalText method of a
// type returns an error, the fault is "invalid value": the message of the error is not sent.
func JSON[T any](r *http.Request) (T, error) {
	var v T
	err := Decoder{}.Decode(r, &v)
	if err != nil {
		var zero T
		return zero, err
	}
	return v, nil
}

// Decoder decodes JSON like the function [JSON], with settings. The zero value is ready to
// use. A Decoder is safe for concurrent use as long as no code changes it.
type Decoder struct {
	// MaxBytes is the maximum size of a body in bytes. Zero or less means
	// DefaultMaxBytes.
	MaxBytes int64
	// MaxDepth is the maximum depth of nested arrays and objects. Zero or less means
	// DefaultMaxDepth, and more than 10,000 means 10,000.
	MaxDepth int
	// AllowUnknown makes the decoder ignore unknown members.
	AllowUnknown bool
}

// Decode decodes the body of r into the value that v points to. The error is that of [JSON].
// After an error, part of the value may be set.
func (d Decoder) Decode(r *http.Request, v any) error {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return problem.BadBody(io.EOF)
	}
	if err := isJSON(r); err != nil {
		return err
	}
	text, err := d.read(r)
	if err != nil {
		return err
	}
	return d.Unmarshal(text, v)
}

// Unmarshal is like [Decoder.Decode], for a body that was read already. It does not change
// text, and does not check MaxBytes.
func (d Decoder) Unmarshal(text []byte, v any) error {
	if !utf8.Valid(text) {
		return problem.New(http.StatusBadRequest, problem.Detail("The body of the request is not valid UTF-8."))
	}
	known, err := d.check(text, v)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(known, v); err != nil {
		// The text was checked, so the Go type is wrong.
		return problem.New(http.StatusInternalServerError, problem.Cause(fmt.Errorf("request: decoding into %T: %w", v, err)))
	}
	return nil
}

// isJSON returns nil if the header of the request says that the body is uncompressed JSON in
// UTF-8. It does not accept a missing Content-Type, because a form on another site could send
// such a request, but none with the type of JSON.
func isJSON(r *http.Request) error {
	for _, coding := range r.Header["Content-Encoding"] {
		if coding = strings.Trim(coding, " \t"); coding != "" && !strings.EqualFold(coding, "identity") {
			return problem.New(http.StatusUnsupportedMediaType, problem.Header("Accept-Encoding", "identity"),
				problem.Detail("Send the body without compression."))
		}
	}
	contentType := r.Header.Get("Content-Type")
	if contentType == "application/json" { // what nearly all clients send
		return nil
	}
	mediaType, params, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil || mediaType != "application/json" && !strings.HasSuffix(mediaType, "+json"):
		return notJSON(r, "Send the body as application/json.")
	case params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8"):
		return notJSON(r, "Send the body in UTF-8.")
	}
	return nil
}

// notJSON returns a 415 whose header names the media type that is accepted. QUERY has a header
// field of its own for that (RFC 10008).
func notJSON(r *http.Request, detail string) error {
	d := problem.New(http.StatusUnsupportedMediaType, problem.Header("Accept", "application/json"), problem.Detail(detail))
	if r.Method == "QUERY" {
		return d.With(problem.Header("Accept-Query", "application/json"))
	}
	return d
}

// maxTrusted is how much memory is allocated for a body because of its Content-Length, in bytes.
// A client may send less than it declares.
const maxTrusted = 16 << 10

// read reads the body of a request, up to MaxBytes.
func (d Decoder) read(r *http.Request) ([]byte, error) {
	limit := d.MaxBytes
	if limit <= 0 {
		limit = DefaultMaxBytes
	}
	if r.ContentLength > limit { // refuse the body before it arrives
		return nil, problem.BadBody(&http.MaxBytesError{Limit: limit})
	}
	var text bytes.Buffer
	text.Grow(int(min(max(r.ContentLength, 0), maxTrusted)) + bytes.MinRead)
	_, err := text.ReadFrom(http.MaxBytesReader(nil, r.Body, limit))
	switch {
	case err != nil:
		return nil, problem.BadBody(err)
	case text.Len() == 0:
		return nil, problem.BadBody(io.EOF)
	}
	return text.Bytes(), nil
}
