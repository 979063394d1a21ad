package problem

import (
	"slices"
	"strconv"

	"github.com/rejoinder-go/rejoinder/problem/status"
)

// Type is a kind of problem that clients tell from others by its URI. It is
// the target to compare an error with: errors.Is(err, OutOfCredit).
//
// The zero value is not valid; use [Define]. A Type is safe for concurrent use
// as long as no code changes it.
type Type struct {
	// URI identifies the type. It should be absolute, and lead a person who
	// opens it to a description (RFC 9457, section 3.1.1).
	URI string
	// Title is the title of every problem of the type.
	Title string
	// Status is the status code that problems of the type usually have.
	Status int
	// Doc explains the type to a developer who has met it, and how to resolve
	// the problem. It is for documentation; New(Detail(t.Doc)) sends it too.
	Doc string
	// Members are the extensions that problems of the type have.
	Members []Member
}

// Member is an extension that a [Type] declares, so that the page of the type,
// its example and OpenAPI have it.
type Member struct {
	// Name is as for [Extension].
	Name string
	// Doc says what the member means.
	Doc string
	// Example is a value as it may be sent. OpenAPI has its JSON type.
	Example any
}

// Define returns a new type, whose problems have the given members besides the
// standard ones.
//
// Define panics if uri or title is empty or if code is not between 100 and 599,
// since a definition has to have all three (RFC 9457, section 4), if uri is not a
// URI reference, and if a member has no name of its own or an example that cannot
// be encoded.
//
// Give it an absolute URI if clients are to tell the type by it: what they read
// they resolve against the URL of their request, and then it is absolute.
func Define(uri, title string, code int, doc string, members ...Member) *Type {
	switch {
	case uri == "":
		panic("problem: Define: the type has no URI")
	case !validReference(uri):
		panic("problem: Define: the URI of type " + strconv.Quote(uri) + " is not valid")
	case title == "":
		panic("problem: Define: type " + uri + " has no title")
	case status.ClassOf(code) == 0:
		panic("problem: Define: type " + uri + " has no status code")
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

// New describes a failure of this type. It has no detail and no members unless
// options set them.
func (t *Type) New(opts ...Option) *Details {
	d := &Details{Type: t.URI, Title: t.Title, Status: t.Status}
	d.apply(opts)
	return d
}

// Sample describes a failure of this type with the examples of its members, for
// documentation.
func (t *Type) Sample() *Details {
	d := t.New()
	for _, m := range t.Members {
		Extension(m.Name, m.Example)(d)
	}
	return d
}

// Error returns the title. A Type is an error so that it can be the target of
// [errors.Is], and be returned as it is: [From] makes a problem of it.
func (t *Type) Error() string {
	if t == nil {
		return "problem: nil *Type"
	}
	return t.Title
}
