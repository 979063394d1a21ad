package problem

import (
	"slices"
	"strconv"

	"github.com/rejoinder-go/rejoinder/problem/status"
)

// Type is a kind of problem, which clients recognize by its URI. It is also the
// target for [errors.Is]: errors.Is(err, OutOfCredit).
//
// The zero value is not valid; use [Define]. A Type is safe for concurrent use as
// long as no code changes it.
type Type struct {
	// URI identifies the type. It should be absolute and lead to documentation
	// when opened in a browser (RFC 9457, section 3.1.1).
	URI string
	// Title is the title of every problem of the type.
	Title string
	// Status is the usual status code of problems of the type.
	Status int
	// Doc explains to a developer what the type means and how to resolve the
	// problem. It is for package typedoc. It is sent to clients only if the
	// service does so, with New(Detail(t.Doc)).
	Doc string
	// Members are the extensions that problems of the type have, for package
	// typedoc.
	Members []Member
}

// Member declares an extension of a [Type], for its documentation.
type Member struct {
	// Name is the name of the extension, see [Extension].
	Name string
	// Doc explains the extension.
	Doc string
	// Example is a possible value. Its JSON type becomes the type in OpenAPI.
	Example any
}

// Define returns a new type. The members document the extensions that its problems
// have.
//
// Use an absolute URI. A client resolves a relative one against the URL of its
// request, and the result does not match a Type with the relative URI.
//
// Define panics if uri or title is empty or code is not between 100 and 599, since
// a definition requires all three (RFC 9457, section 4), and if uri is not a URI
// reference. It also panics if the name of a member is empty, reserved or used
// twice, or if its example cannot be encoded.
func Define(uri, title string, code int, doc string, members ...Member) *Type {
	switch {
	case uri == "":
		panic("problem: Define: the type has no URI")
	case !validReference(uri):
		panic("problem: Define: the URI of type " + strconv.Quote(uri) + " is not valid")
	case title == "":
		panic("problem: Define: type " + uri + " has no title")
	case status.ClassOf(code) == 0:
		panic("problem: Define: type " + uri + " has the status code " + strconv.Itoa(code) + ", which is not between 100 and 599")
	}
	t := &Type{URI: uri, Title: title, Status: code, Doc: doc, Members: slices.Clone(members)}
	if _, err := t.Sample().AppendJSON(nil); err != nil {
		panic("problem: Define: type " + uri + ": " + err.Error())
	}
	if len(t.Sample().Extensions) < len(members) {
		panic("problem: Define: type " + uri + " has two members of the same name")
	}
	return t
}

// New returns a problem of this type. It has no detail and no extensions unless
// options set them.
func (t *Type) New(opts ...Option) *Details {
	d := &Details{Type: t.URI, Title: t.Title, Status: t.Status}
	d.apply(opts)
	return d
}

// Sample returns a problem of this type with the examples of its members, for
// documentation.
func (t *Type) Sample() *Details {
	d := t.New()
	for _, m := range t.Members {
		Extension(m.Name, m.Example)(d)
	}
	return d
}

// Error returns the title. A Type is an error so that it can be the target of
// [errors.Is]. A handler may also return it: [From] creates a problem of the type.
func (t *Type) Error() string {
	if t == nil {
		return "problem: nil *Type"
	}
	return t.Title
}
