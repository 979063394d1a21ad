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

// The bounds of [JSON].
const (
	DefaultMaxBytes = 1 << 20
	DefaultMaxDepth = 64
)

// JSON returns the body of r as a T. The error is a *problem.Details:
//
//   - 400 if there is no body, if it is not JSON in UTF-8 or if it is nested too
//     deeply;
//   - 408 if it did not come in time;
//   - 413 if it has more than [DefaultMaxBytes];
//   - 415 if it is of another media type than application/json and those that
//     end in +json, or in another charset, or compressed;
//   - 422 if members are unknown, repeated or of the wrong type, and for whatever
//     else would be lost or changed in the Go value: a number out of its range, an
//     array of another length than that of a Go array, half a surrogate pair, a
//     name that is no key of the map. Up to [problem.MaxFieldErrors] faults are
//     listed under "errors", each with its place and a code for programs:
//     [problem.CodeUnknown] and those beside it;
//   - 500 if nothing can be decoded into a T, or not in each release of Go, which is
//     the program's mistake.
//
// Names of members are compared by case, unlike in encoding/json. A null leaves
// its Go value as it is; nothing requires that a member is present. What a type's
// own UnmarshalJSON or UnmarshalText refuses "cannot be read": the message of
// its error is not sent.
func JSON[T any](r *http.Request) (T, error) {
	var v T
	err := Decoder{}.Decode(r, &v)
	if err != nil {
		var zero T
		return zero, err
	}
	return v, nil
}

// Decoder reads JSON as the function [JSON] does, tuned by its fields. The zero
// value is ready to use. It is safe for concurrent use.
type Decoder struct {
	MaxBytes     int64 // of the body; 0 means DefaultMaxBytes
	MaxDepth     int   // of arrays and objects in each other, at most 10 000; 0 means DefaultMaxDepth
	AllowUnknown bool  // pass over members that are unknown
}

// Decode stores the body of r in what v points to. After an error the value
// may be there in part.
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

// Unmarshal is [Decoder.Decode] for a body that was read already. It leaves
// text as it is; MaxBytes does not count.
func (d Decoder) Unmarshal(text []byte, v any) error {
	if !utf8.Valid(text) {
		return problem.New(http.StatusBadRequest, problem.Detail("The body of the request is not valid UTF-8."))
	}
	known, err := d.check(text, v)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(known, v); err != nil {
		// The text is right, so the type is wrong.
		return problem.New(http.StatusInternalServerError, problem.Cause(fmt.Errorf("request: decoding into %T: %w", v, err)))
	}
	return nil
}

// isJSON returns nil if the request announces JSON that can be read here. A
// missing type is not made up for: what a form on another site can send has
// none that could be taken for JSON.
func isJSON(r *http.Request) error {
	for _, coding := range r.Header["Content-Encoding"] {
		if coding = strings.Trim(coding, " \t"); coding != "" && !strings.EqualFold(coding, "identity") {
			return problem.New(http.StatusUnsupportedMediaType, problem.Header("Accept-Encoding", "identity"),
				problem.Detail("Send the body without compression."))
		}
	}
	contentType := r.Header.Get("Content-Type")
	if contentType == "application/json" { // as nearly every client has it
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

// notJSON returns a 415 that names the type which would have been read: a QUERY
// is told in a header field of its own (RFC 10008).
func notJSON(r *http.Request, detail string) error {
	d := problem.New(http.StatusUnsupportedMediaType, problem.Header("Accept", "application/json"), problem.Detail(detail))
	if r.Method == "QUERY" {
		return d.With(problem.Header("Accept-Query", "application/json"))
	}
	return d
}

// maxTrusted is how much room is made for a body before it has come, in bytes: a
// client may declare more than it sends.
const maxTrusted = 16 << 10

func (d Decoder) read(r *http.Request) ([]byte, error) {
	limit := d.MaxBytes
	if limit <= 0 {
		limit = DefaultMaxBytes
	}
	if r.ContentLength > limit { // no need to wait for it
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
