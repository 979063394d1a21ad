package problem

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
)

// BadBody converts an error of reading and decoding the body of a request into a
// problem. The cause of the problem is err. BadBody(nil) is nil.
//
//	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
//		return problem.BadBody(err)
//	}
//
// Use it where the error is the client's fault. [From] cannot know that, since the
// same error may be about a file or about the response of another server, and returns
// a 500. The status code of the problem is
//
//   - 413 if the body was too large ([http.MaxBytesError]);
//   - 408 if the body was not received in time;
//   - 422 if a JSON value has the wrong type or a member is unknown, with a
//     [FieldError];
//   - 500 if no JSON can be decoded into the Go value;
//   - 400 otherwise.
//
// The pointer of the FieldError has the names that encoding/json reports. It has no
// array indexes. It depends on the release of Go, and may be wrong, if the value has
// maps, embedded structs, types with an UnmarshalJSON method, members with the option
// "string", or members whose names have dots or consist of digits, and if a name in
// the body differs in case from that of the member. [BadBodyFor] does not depend on
// the release.
func BadBody(err error) error {
	if err == nil {
		return nil
	}
	return badBody(err, func(r release, e *json.UnmarshalTypeError) (place, bool) { return r.reported(e), true })
}

// BadBodyFor is like [BadBody], for an error of decoding JSON into value, which is the
// pointer that the decoder got:
//
//	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
//		return problem.BadBodyFor(&order, err)
//	}
//
// Because it knows the type of the value, the pointer of the FieldError is the same in
// every release of Go. It leads to the wrong value, or to the nearest array, map or
// interface around it. Its names are those of the Go type, even if their case differs
// in the body. A fault inside a type with an UnmarshalJSON method is a 400 without a
// pointer. If value contains such a type, other than those of the standard library,
// and its own type has no name, the pointer is always "#".
//
// Package encoding/json reports one fault, even if there are several. Package request
// reports all of them, with their exact places.
func BadBodyFor(value any, err error) error {
	if err == nil {
		return nil
	}
	return badBody(err, func(r release, e *json.UnmarshalTypeError) (place, bool) { return r.placeIn(value, e) })
}

// find returns the place of the value that an error is about. It returns false if the
// value is inside one that decodes itself.
type find func(release, *json.UnmarshalTypeError) (place, bool)

func badBody(err error, where find) error {
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(e, err)
	}
	if d := badJSON(err, where); d != nil {
		return d
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return New(http.StatusRequestTimeout, Cause(err))
	}
	detail := "The body of the request cannot be decoded."
	switch {
	case errors.Is(err, io.EOF):
		detail = "The body of the request is empty."
	case errors.Is(err, io.ErrUnexpectedEOF):
		detail = "The body of the request ends too early."
	}
	return New(http.StatusBadRequest, Cause(err), Detail(detail))
}

func tooLarge(e *http.MaxBytesError, cause error) *Details {
	return New(http.StatusRequestEntityTooLarge, Cause(cause), Detailf("The body of the request is larger than %d bytes.", e.Limit))
}

// badJSON returns the problem for an error of encoding/json. It returns nil for any
// other error, and for one whose place is unknown.
func badJSON(err error, where find) *Details {
	release := jsonRelease()
	if release.isBug(err) {
		return New(http.StatusInternalServerError, Cause(err))
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if f, ok := release.fieldError(e, where); ok {
			return New(http.StatusUnprocessableEntity, Cause(err), Errors(f))
		}
		return nil
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return New(http.StatusBadRequest, Cause(err),
			Detailf("The body of the request is not well-formed JSON: the error is at byte %d.", max(e.Offset+release.offset, 1)))
	}
	if release.unknownMember(err) {
		return New(http.StatusUnprocessableEntity, Cause(err), Errors(FieldError{Detail: "unknown member", Code: CodeUnknown}))
	}
	return nil
}

// release describes how the encoding/json of this build reports errors, which differs
// between releases of Go and between its two implementations. It is not documented,
// so jsonRelease provokes errors and looks at them.
type release struct {
	offset   int64  // to add to the offset of a syntax error
	escaped  bool   // the names in a path are escaped, and the path has indexes
	unknown  string // the beginning of the message about an unknown member
	embedded error  // the error for an embedded pointer that cannot be set
	cannot   string // the beginning of its message, if embedded is nil
}

type probe struct {
	*unexported
	Slash int `json:"/"`
}

type unexported struct{ A int }

// jsonRelease returns the release of this build.
var jsonRelease = sync.OnceValue(func() (r release) {
	if e, ok := errors.AsType[*json.SyntaxError](json.Unmarshal([]byte("{'"), new(any))); ok {
		r.offset = int64(len("{'")) - e.Offset
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](json.Unmarshal([]byte(`{"/":""}`), new(probe))); ok {
		r.escaped = e.Field != "/"
	}
	dec := json.NewDecoder(strings.NewReader(`{"unknown":1}`))
	dec.DisallowUnknownFields()
	if err := dec.Decode(new(probe)); err != nil {
		r.unknown, _, _ = strings.Cut(err.Error(), `"unknown"`)
	}
	if err := json.Unmarshal([]byte(`{"A":1}`), new(probe)); err != nil {
		if r.embedded = errors.Unwrap(err); r.embedded == nil {
			r.cannot, _, _ = strings.Cut(err.Error(), "problem.unexported")
		}
	}
	return r
})

// unknownMember reports whether err is about an unknown member. Only its message says
// so: the error of json.Decoder.DisallowUnknownFields has no type of its own.
func (r release) unknownMember(err error) bool { return chainHas(err, r.unknown) }

// isBug reports whether err is the program's fault: no JSON can be decoded into the Go
// value.
func (r release) isBug(err error) bool {
	if _, ok := errors.AsType[*json.InvalidUnmarshalError](err); ok {
		return true
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && undecodable(e.Type) {
		return true
	}
	return r.embedded != nil && errors.Is(err, r.embedded) || chainHas(err, r.cannot)
}

// chainHas reports whether the message of an error in the chain begins with
// prefix.
func chainHas(err error, prefix string) bool {
	for ; err != nil && prefix != ""; err = errors.Unwrap(err) {
		if strings.HasPrefix(err.Error(), prefix) {
			return true
		}
	}
	return false
}

// undecodable reports whether encoding/json can decode nothing into the type.
func undecodable(t reflect.Type) bool {
	if t == nil {
		return false
	}
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return true
	case reflect.Interface:
		return t.NumMethod() > 0
	case reflect.Map:
		return jsonscan.UndecodableKey(t.Key())
	}
	return false
}

func isWhole(k reflect.Kind) bool { return reflect.Int <= k && k <= reflect.Uintptr }

// fieldError describes an error of encoding/json, which is in terms of Go types, in
// terms of JSON. It returns false where the implementations of encoding/json disagree.
func (r release) fieldError(e *json.UnmarshalTypeError, where find) (f FieldError, ok bool) {
	kind, literal, _ := strings.Cut(e.Value, " ")
	expected := jsonscan.Expected(e.Type)
	if expected == "" {
		return f, false // a type that decodes itself
	}
	if errors.Unwrap(e) != nil && (!decodesText(e.Type) || kind == "string") {
		return f, false // a value inside a string
	}
	f = FieldError{Detail: "must be " + expected, Code: CodeType}
	if kind == "number" && isNumeric(e.Type) {
		number := jsonscan.Scanner{Text: []byte(literal)}
		if !number.Number() || number.Pos != len(literal) {
			return f, false // a number in a string, or a map key
		}
		f.Detail += " in the supported range"
		if !isWhole(e.Type.Kind()) || !strings.ContainsAny(literal, ".eE") {
			f.Code = CodeRange
		}
	}
	if e.Type == jsonNumber && kind == "number" {
		return f, false // a member with the option "string", whose number has to be in a string
	}
	p, ok := where(r, e)
	f.Pointer = p.pointer
	if p.inside {
		f.Detail += " (inside this value)"
	}
	return f, ok
}

var jsonNumber = reflect.TypeFor[json.Number]()

func isNumeric(t reflect.Type) bool {
	k := t.Kind()
	return isWhole(k) || k == reflect.Float32 || k == reflect.Float64
}

func decodesText(t reflect.Type) bool { return reflect.PointerTo(t).Implements(textUnmarshaler) }
