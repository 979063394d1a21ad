// Package status is the catalogue of HTTP status codes: the reason and the
// description that a response gives its reader, and all that a code implies.
//
// Start with [Lookup], or with [Nearest] where any number has to have a row:
//
//	s, ok := status.Lookup(503)
//	fmt.Println(s, s.Description)
//
// The reasons are those that the documented services give to their users; other
// names of a code are known as well, see [ByReason].
//
// It describes codes and writes nothing: see packages problem and respond.
package status

import (
	"fmt"
	"iter"
	"strings"
)

// Info is one row of the status catalogue: an HTTP status code with its
// documented reason and description, and what the code implies. The zero Info is
// not a valid row; get one from [Lookup], [ByReason] or [All].
type Info struct {
	Code        int      // three digits, 100 to 599
	RFC         int      // number of the specification that defines the code
	Section     string   // section of that specification
	implied     *implied // nil in the zero Info
	Reason      string   // short phrase: the title of a problem with this code
	Description string   // one or two sentences that a client can act on
}

// Lookup returns the row of a status code, and whether the catalogue has it.
// It allocates nothing and is safe for concurrent use.
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

// rowOf has, for each code, its row in the catalogue plus one. Zero means that
// there is no row.
var rowOf = func() (rows [600]uint8) {
	for i, s := range catalogue {
		rows[s.Code] = uint8(i + 1)
	}
	return rows
}()

// ByReason returns the row whose reason is phrase, in any letter case, and
// whether there is one. It also knows the other names of a code, such as the
// "Content Too Large" of RFC 9110 and the "Request Entity Too Large" of
// net/http for 413. A phrase that two codes share belongs to the one whose
// reason it is.
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

// All yields the whole catalogue by ascending code.
func All() iter.Seq[Info] {
	return func(yield func(Info) bool) {
		for _, s := range catalogue {
			if !yield(s) {
				return
			}
		}
	}
}

// Nearest returns the row that describes code best: its own, or else that of
// the first code of its class, which is how a client reads a code that it does
// not know (RFC 9110, section 15). A code outside 100 to 599 belongs to no
// class; it gets the row of 500, since only a server's mistake can produce one.
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

// Aliases returns the other names of the status, without its reason. It is
// empty for most.
func (i Info) Aliases() []string {
	var names []string
	for _, a := range aliases {
		if a.code == i.Code {
			names = append(names, a.name)
		}
	}
	return names
}

// Class returns the category of the status.
func (i Info) Class() Class { return ClassOf(i.Code) }

// Citation names the specification that defines the code, for people:
// "RFC 9110, section 15.5.5".
func (i Info) Citation() string {
	return fmt.Sprintf("RFC %d, section %s", i.RFC, i.Section)
}

// Link is the address of the section that defines the code.
func (i Info) Link() string {
	return fmt.Sprintf("https://www.rfc-editor.org/rfc/rfc%d.html#section-%s", i.RFC, i.Section)
}

// String returns the code and the reason: "404 Not Found".
func (i Info) String() string { return fmt.Sprintf("%d %s", i.Code, i.Reason) }

// RequiredHeader returns the names of the header fields without which a response
// with the status is not complete, such as Allow for 405. What has to be in them
// only the server knows. The slice is shared: do not change it.
func (i Info) RequiredHeader() []string { return i.implications().required }

// ExpectedHeader returns the names of the header fields that a response with the
// status should have, such as Location for 301. The slice is shared: do not
// change it.
func (i Info) ExpectedHeader() []string { return i.implications().expected }

// KeptHeader returns the names of the header fields that describe the resource,
// and yet belong into a response with the status whose body is another, such as
// ETag for 412. The slice is shared: do not change it.
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

// StorageForbidden reports whether no cache may store a response with the code:
// 428, 429, 431 and 511 (RFC 6585, sections 3 to 6).
func StorageForbidden(code int) bool {
	i := row(code)
	return i != nil && i.implied.unstored
}

// Temporary reports whether the same request may succeed later as it is: after
// 408, 425, 429, 502, 503 and 504. It says nothing about whether a repetition is
// safe (RFC 9110, section 9.2.2).
func Temporary(code int) bool {
	i := row(code)
	return i != nil && i.implied.temporary
}

// Class is the first digit of a status code. The zero Class is that of a
// number which is no status code.
type Class uint8

// The five classes of RFC 9110, section 15.
const (
	Informational Class = iota + 1
	Success
	Redirection
	ClientError
	ServerError
)

// ClassOf returns the class of a code, also of one that the catalogue does not
// have. It is zero for a number outside 100 to 599.
func ClassOf(code int) Class {
	if code < 100 || code > 599 {
		return 0
	}
	return Class(code / 100)
}

// classes has the name and the meaning of each class; the first row is that of
// the zero Class.
var classes = [...]struct{ name, meaning string }{
	{"invalid", "The number is not a status code of HTTP."},
	{"informational", "An interim response: the final one is still to come."},
	{"successful", "The request did what it was sent for."},
	{"redirection", "The response lies elsewhere, or the client has it already."},
	{"client error", "The request is wrong, or may not be granted as it stands."},
	{"server error", "The request seems to be right, but the server could not deliver."},
}

// String returns the name of the class, such as "client error".
func (c Class) String() string { return c.row().name }

// Description says in a sentence what the codes of the class have in common.
func (c Class) Description() string { return c.row().meaning }

func (c Class) row() struct{ name, meaning string } {
	if int(c) >= len(classes) {
		c = 0
	}
	return classes[c]
}
