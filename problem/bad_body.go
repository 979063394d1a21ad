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

// BadBody returns the problem that an error means which came of reading and
// decoding the body of a request; err is its cause. A nil err gives nil.
//
//	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
//		return problem.BadBody(err)
//	}
//
// It is what tells the client's mistakes from those of others: the same error may
// come of a file or of another server's response, so [From] makes a 500 of it.
//
//   - 413 if the body was too large ([http.MaxBytesError]).
//   - 408 if it did not come in time.
//   - 422 with a [FieldError] if a JSON value has the wrong type or a member is
//     unknown.
//   - 500 if nothing could be decoded into the Go value, whatever the body.
//   - 400 for everything else.
//
// The pointer of a FieldError has the names that encoding/json reports, without
// the indexes of arrays. What it reports of maps, embedded structs, types with an
// UnmarshalJSON, members with the option "string", names of digits and names in
// other case depends on the release of Go, and names with dots look like several:
// where there may be such, [BadBodyFor] is told the type, and knows.
func BadBody(err error) error {
	if err == nil {
		return nil
	}
	return badBody(err, func(r release, e *json.UnmarshalTypeError) (place, bool) { return r.reported(e), true })
}

// BadBodyFor is [BadBody] for an error of decoding JSON into value, which is the
// pointer that the decoder was given:
//
//	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
//		return problem.BadBodyFor(&order, err)
//	}
//
// The type of value tells which names are members: the pointer of a FieldError
// leads to the value that is wrong, or to the nearest array, map or interface
// around it, and is the same whichever encoding/json decoded. It has the names of
// the Go type, also where the body has them in other case. What went wrong inside
// a type with an UnmarshalJSON has no place, and is a 400. If there is such a type
// of the program's in a value whose type has no name, nothing has a place.
//
// Of several faults encoding/json reports one. Package request reports each, and
// its exact place.
func BadBodyFor(value any, err error) error {
	if err == nil {
		return nil
	}
	return badBody(err, func(r release, e *json.UnmarshalTypeError) (place, bool) { return r.placeIn(value, e) })
}

// find returns where the value is that an error is about, or false if that is
// inside a value which reads itself.
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

// badJSON returns what an error of encoding/json means, or nil if it is another
// error or one that says nothing a client could use.
func badJSON(err error, where find) *Details {
	release := jsonRelease()
	if release.programsMistake(err) {
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
			Detailf("The body of the request is not well-formed JSON: see byte %d.", max(e.Offset+release.offset, 1)))
	}
	if release.unknownMember(err) {
		return New(http.StatusUnprocessableEntity, Cause(err), Errors(FieldError{Detail: "has an unknown member", Code: CodeUnknown}))
	}
	return nil
}

// release is how the encoding/json of this build reports what it finds. It
// differs between releases of Go and between its two implementations; so it is
// learned from errors made for the purpose and not from their documentation.
type release struct {
	offset   int64  // to add to that of a syntax error
	escaped  bool   // whether the names in a path are escaped, and indexes among them
	unknown  string // what the message about an unknown member begins with
	embedded error  // for an embedded pointer that cannot be set
	cannot   string // what its message begins with, if it is not that very error
}

type probe struct {
	*unexported
	Slash int `json:"/"`
}

type unexported struct{ A int }

// jsonRelease returns what was learned, once.
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

// unknownMember reports whether err is what json.Decoder.DisallowUnknownFields
// leads to, which has no type to tell it by.
func (r release) unknownMember(err error) bool { return chainHas(err, r.unknown) }

// programsMistake reports whether no body at all could have been decoded.
func (r release) programsMistake(err error) bool {
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

// undecodable reports whether encoding/json can read nothing into the type.
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

// fieldError says in terms of JSON what encoding/json says in terms of Go, and
// false where its implementations disagree.
func (r release) fieldError(e *json.UnmarshalTypeError, where find) (f FieldError, ok bool) {
	kind, literal, _ := strings.Cut(e.Value, " ")
	wanted := jsonscan.Wanted(e.Type)
	if wanted == "" {
		return f, false // of a type that reads itself
	}
	if errors.Unwrap(e) != nil && (!readsText(e.Type) || kind == "string") {
		return f, false // of what is in a string
	}
	f = FieldError{Detail: "must be " + wanted, Code: CodeType}
	if kind == "number" && isNumeric(e.Type) {
		number := jsonscan.Scanner{Text: []byte(literal)}
		if !number.Number() || number.Pos != len(literal) {
			return f, false // a number in a string, or the key of a map
		}
		f.Detail += " in the range that is supported"
		if !isWhole(e.Type.Kind()) || !strings.ContainsAny(literal, ".eE") {
			f.Code = CodeRange
		}
	}
	if e.Type == jsonNumber && kind == "number" {
		return f, false // which would have to be in a string
	}
	p, ok := where(r, e)
	f.Pointer = p.pointer
	if p.inside {
		f.Detail += ", at a place inside"
	}
	return f, ok
}

var jsonNumber = reflect.TypeFor[json.Number]()

func isNumeric(t reflect.Type) bool {
	k := t.Kind()
	return isWhole(k) || k == reflect.Float32 || k == reflect.Float64
}

func readsText(t reflect.Type) bool { return reflect.PointerTo(t).Implements(textUnmarshaler) }
