// Package status is a catalogue of HTTP status codes. For each code it has a reason
// and a description, which responses contain, and what the code requires of the
// response.
//
// Start with [Lookup], or with [Nearest], which has a row for every number:
//
//	s, ok := status.Lookup(503)
//	fmt.Println(s, s.Description)
//
// Several codes have more than one name. [ByReason] knows all of them.
//
// The package only describes codes. Packages problem and respond use it to write
// responses.
package status

import (
	"fmt"
	"iter"
	"strings"
)

// Info describes one HTTP status code. The zero Info is not valid; use [Lookup],
// [ByReason] or [All].
type Info struct {
	Code        int      // three digits, 100 to 599
	RFC         int      // number of the RFC that defines the code
	Section     string   // section of that RFC
	implied     *implied // nil in the zero Info
	Reason      string   // short phrase, the title of a problem with this code
	Description string   // one or two sentences for the developer of a client
}

// Lookup returns the Info of a status code. It returns false if the code is not in the
// catalogue. Lookup does not allocate and is safe for concurrent use.
func Lookup(code int) (Info, bool) {
	if i := row(code); i != nil {
		return *i, true
	}
	return Info{}, false
}

// row returns the row of a code, or nil.
func row(code int) *Info {
	if code < 0 || code >= len(rowOf) || rowOf[code] == 0 {
		return nil
	}
	return &catalogue[rowOf[code]-1]
}

// rowOf is the index of each code in the catalogue, plus one. Zero means that the
// catalogue does not have the code.
var rowOf = func() (rows [600]uint8) {
	for i, s := range catalogue {
		rows[s.Code] = uint8(i + 1)
	}
	return rows
}()

// ByReason returns the Info whose reason or alias is phrase, ignoring case. It returns
// false if there is none. For 413, for example, the aliases are "Content Too
// Large", as in RFC 9110, and "Request Entity Too Large", as in net/http. Reasons take
// precedence over aliases.
func ByReason(phrase string) (Info, bool) {
	for _, s := range catalogue {
		if strings.EqualFold(s.Reason, phrase) {
			return s, true
		}
	}
	for _, a := range aliases {
		if strings.EqualFold(a.name, phrase) {
			return Lookup(a.code)
		}
	}
	return Info{}, false
}

// All returns an iterator over the catalogue, in ascending order of the codes.
func All() iter.Seq[Info] {
	return func(yield func(Info) bool) {
		for _, s := range catalogue {
			if !yield(s) {
				return
			}
		}
	}
}

// Nearest returns the Info of a code or, if the catalogue does not have it, that of the
// first code of its class, as which a client treats an unknown code (RFC 9110, section
// 15). For a number outside 100 to 599 it returns the Info of 500, since only a fault of
// the server can produce such a number.
func Nearest(code int) Info {
	if i := row(code); i != nil {
		return *i
	}
	class := ClassOf(code)
	if class == 0 {
		class = ServerError
	}
	return *row(int(class) * 100)
}

// Aliases returns the names of the status other than its reason, or nil if there are
// none.
func (i Info) Aliases() []string {
	var names []string
	for _, a := range aliases {
		if a.code == i.Code {
			names = append(names, a.name)
		}
	}
	return names
}

// Class returns the class of the status.
func (i Info) Class() Class { return ClassOf(i.Code) }

// Citation returns the name of the section that defines the code:
// "RFC 9110, section 15.5.5".
func (i Info) Citation() string {
	return fmt.Sprintf("RFC %d, section %s", i.RFC, i.Section)
}

// Link returns the URL of the section that defines the code.
func (i Info) Link() string {
	return fmt.Sprintf("https://www.rfc-editor.org/rfc/rfc%d.html#section-%s", i.RFC, i.Section)
}

// String returns the code and the reason: "404 Not Found".
func (i Info) String() string { return fmt.Sprintf("%d %s", i.Code, i.Reason) }

// RequiredHeader returns the names of the header fields that a response with this
// status must have, such as Allow for 405. The slice is shared: do not change it.
func (i Info) RequiredHeader() []string { return i.implications().required }

// ExpectedHeader returns the names of the header fields that a response with this
// status should have, such as Location for 301. The slice is shared: do not change it.
func (i Info) ExpectedHeader() []string { return i.implications().expected }

// KeptHeader returns the names of the header fields to keep when the body of a response
// with this status is replaced, although they describe the resource, such as ETag for
// 412. The slice is shared: do not change it.
func (i Info) KeptHeader() []string { return i.implications().kept }

func (i Info) implications() *implied {
	if i.implied == nil {
		return &plain
	}
	return i.implied
}

// BodyForbidden reports whether a response with the code never has a body: 1xx,
// 204, 205 and 304 (RFC 9110, sections 15.2, 15.3.5, 15.3.6 and 15.4.5).
func BodyForbidden(code int) bool {
	i, ok := Lookup(code)
	return ok && i.implied.empty || ClassOf(code) == Informational
}

// StorageForbidden reports whether caches must not store a response with the code: 428,
// 429, 431 and 511 (RFC 6585, sections 3 to 6).
func StorageForbidden(code int) bool {
	i := row(code)
	return i != nil && i.implied.unstored
}

// Temporary reports whether the same request may succeed later: for 408, 425, 429, 502,
// 503 and 504. It does not report whether a retry is safe (RFC 9110, section 9.2.2).
func Temporary(code int) bool {
	i := row(code)
	return i != nil && i.implied.temporary
}

// Class is the first digit of a status code. The zero Class means that a number is not a
// status code.
type Class uint8

// The five classes of RFC 9110, section 15.
const (
	Informational Class = iota + 1
	Success
	Redirection
	ClientError
	ServerError
)

// ClassOf returns the class of a code, even if the catalogue does not have the code, and
// zero for a number outside 100 to 599.
func ClassOf(code int) Class {
	if code < 100 || code > 599 {
		return 0
	}
	return Class(code / 100)
}

// classes has one row per class, beginning with the zero Class.
var classes = [...]struct{ name, meaning string }{
	{"invalid", "The number is not a status code of HTTP."},
	{"informational", "An interim response: the final one is still to come."},
	{"successful", "The request succeeded."},
	{"redirection", "The client has to take another step, such as a request to another address."},
	{"client error", "The request is wrong, or the client may not make it."},
	{"server error", "The request seems to be valid, but the server could not carry it out."},
}

// String returns the name of the class, such as "client error".
func (c Class) String() string { return c.row().name }

// Description returns a sentence about what the codes of the class have in common.
func (c Class) Description() string { return c.row().meaning }

func (c Class) row() struct{ name, meaning string } {
	if int(c) >= len(classes) {
		c = 0
	}
	return classes[c]
}
