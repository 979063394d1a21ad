package problem

import (
	"encoding"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
)

// BadBody returns what an error means that came of reading and decoding the
// content of a request; err is the cause. A nil err gives nil.
//
//	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
//		return problem.BadBody(err)
//	}
//
// It is a 413 if the content was too large ([http.MaxBytesError]), a 408 if it
// did not come in time, and a 422 with a [FieldError] if a JSON value has the
// wrong type or a member is unknown. The pointer is as exact as what package
// encoding/json tells: the indexes of arrays are not in it, nor are the keys of
// maps, and the names of embedded structs are. Everything else is a 400.
//
// [From] knows most of this too, but not an empty content: io.EOF has many
// other meanings.
func BadBody(err error) error {
	if err == nil {
		return nil
	}
	if d := fromContent(err); d != nil {
		return d
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return New(http.StatusRequestTimeout, Cause(err))
	}
	detail := "The content of the request cannot be decoded."
	switch {
	case errors.Is(err, io.EOF):
		detail = "The content of the request is empty."
	case errors.Is(err, io.ErrUnexpectedEOF):
		detail = endsEarly
	}
	return New(http.StatusBadRequest, Cause(err), Detail(detail))
}

const endsEarly = "The content of the request ends too early."

// fromContent returns what err means if it can only be about the content of a
// request, and else nil.
func fromContent(err error) *Details {
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return New(http.StatusRequestEntityTooLarge, Cause(err),
			Detailf("The content of the request is larger than %d bytes.", e.Limit))
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return New(http.StatusUnprocessableEntity, Cause(err), Errors(fieldErrorOf(e)))
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return New(http.StatusBadRequest, Cause(err),
			Detailf("The content of the request is not well-formed JSON: see byte %d.", e.Offset))
	}
	// A json.Decoder returns this error itself when the text is cut short. In a
	// chain it may as well be about a connection to a database.
	if err == io.ErrUnexpectedEOF {
		return New(http.StatusBadRequest, Cause(err), Detail(endsEarly))
	}
	if unknownField(err) {
		return New(http.StatusUnprocessableEntity, Cause(err), Errors(FieldError{Detail: "has a member that is not known"}))
	}
	return nil
}

// unknownField reports whether err is what json.Decoder.DisallowUnknownFields
// leads to, which has no type to tell it by.
func unknownField(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if strings.HasPrefix(err.Error(), "json: unknown field ") {
			return true
		}
	}
	return false
}

// fieldErrorOf says in terms of JSON what encoding/json says in terms of Go.
func fieldErrorOf(e *json.UnmarshalTypeError) FieldError {
	var f FieldError
	if e.Field == "" {
		f.Pointer = Pointer()
	} else {
		var path []any
		for part := range strings.SplitSeq(e.Field, ".") {
			path = append(path, part)
		}
		f.Pointer = Pointer(path...)
	}
	f.Detail = "must be " + jsonTypeOf(e.Type)
	if strings.HasPrefix(e.Value, "number ") { // of the right type, but it does not fit
		f.Detail += " in the range that is supported"
	}
	return f
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// jsonTypeOf says with an article which JSON value a Go type is read from.
func jsonTypeOf(t reflect.Type) string {
	if t == nil {
		return "of another type"
	}
	if reflect.PointerTo(t).Implements(textUnmarshaler) {
		return "a string"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return "a whole number that is not negative"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "a string in base64"
		}
		return "an array"
	case reflect.Array:
		return "an array"
	case reflect.Map, reflect.Struct:
		return "an object"
	case reflect.Pointer:
		return jsonTypeOf(t.Elem())
	}
	return "of another type"
}
