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
// The pointer of a FieldError has the names of members, as far as encoding/json
// reports them. Indexes of arrays are not in it. Where a map or an embedded
// struct is on the way, it depends on the release of Go whether the map's key or
// the struct's name is. Package request knows each place exactly.
func BadBody(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(e, err)
	}
	if d := badJSON(err); d != nil {
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
func badJSON(err error) *Details {
	release := jsonRelease()
	if release.programsMistake(err) {
		return New(http.StatusInternalServerError, Cause(err))
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if f, ok := release.fieldError(e); ok {
			return New(http.StatusUnprocessableEntity, Cause(err), Errors(f))
		}
		return nil
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return New(http.StatusBadRequest, Cause(err),
			Detailf("The body of the request is not well-formed JSON: see byte %d.", max(e.Offset+release.offset, 1)))
	}
	if release.unknownMember(err) {
		return New(http.StatusUnprocessableEntity, Cause(err), Errors(FieldError{Detail: "has an unknown member"}))
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
		key := t.Key()
		return !reflect.PointerTo(key).Implements(textUnmarshaler) && key.Kind() != reflect.String && !isWhole(key.Kind())
	}
	return false
}

func isWhole(k reflect.Kind) bool { return reflect.Int <= k && k <= reflect.Uintptr }

// fieldError says in terms of JSON what encoding/json says in terms of Go, and
// false where its implementations disagree.
func (r release) fieldError(e *json.UnmarshalTypeError) (f FieldError, ok bool) {
	wanted := jsonscan.Wanted(e.Type)
	if wanted == "" || errors.Unwrap(e) != nil {
		return f, false // of a type that reads itself, or of what is in a string
	}
	f.Detail = "must be " + wanted
	kind, literal, _ := strings.Cut(e.Value, " ")
	if k := e.Type.Kind(); kind == "number" && (isWhole(k) || k == reflect.Float32 || k == reflect.Float64) {
		number := jsonscan.Scanner{Text: []byte(literal)}
		if !number.Number() || number.Pos != len(literal) {
			return f, false // a number in a string, or the key of a map
		}
		f.Detail += " in the range that is supported"
	}
	if e.Type != reflect.TypeFor[json.Number]() {
		f.Pointer = r.pointer(e.Field)
	}
	return f, true
}

// pointer returns the pointer for a path whose parts are separated by dots.
func (r release) pointer(field string) string {
	if field == "" {
		return Pointer()
	}
	var path []any
	for part := range strings.SplitSeq(field, ".") {
		if r.escaped {
			if strings.Trim(part, "0123456789") == "" && part != "" {
				continue // an index
			}
			part = unescapeToken.Replace(part)
		}
		path = append(path, part)
	}
	return Pointer(path...)
}

// unescapeToken is the reverse of what a JSON Pointer does to a name.
var unescapeToken = strings.NewReplacer("~0", "~", "~1", "/")
