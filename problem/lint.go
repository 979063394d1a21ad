package problem

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// Lint returns what is against the advice of RFC 9457 and RFC 9110 in a problem
// that a server is about to send, joined into one error, or nil. None of it
// keeps the problem from being sent. It is meant for the tests of a service:
//
//	for _, p := range []*problem.Details{errNoOrder, errClosed} {
//		if err := p.Lint(); err != nil {
//			t.Error(err)
//		}
//	}
//
// It looks at the status code, the URIs, the title of a problem that has no
// type of its own, the names and values of the extensions, and the header
// fields that the status code needs.
func (d *Details) Lint() error {
	var advice []error
	note := func(format string, args ...any) {
		advice = append(advice, fmt.Errorf("problem: "+format, args...))
	}
	if status.ClassOf(d.Status) == 0 {
		note("%d is not a status code", d.Status)
	}
	d.lintURI("type", d.typeURI(), note)
	d.lintURI("instance", d.Instance, note)
	if strings.HasPrefix(d.Type, registered) && !slices.ContainsFunc(registeredTypes[:], func(t *Type) bool { return t.URI == d.Type }) {
		note("type %q claims to be in the registry of IANA: only registered types may", d.Type)
	}
	switch reason := status.Nearest(d.Status).Reason; {
	case d.Title == "" && d.typeURI() != BlankType:
		note("there is no title")
	case d.Title != "" && d.Title != reason && d.typeURI() == BlankType:
		note("title %q means more than %q: define a type for it, unless it is a translation", d.Title, reason)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Extensions)) {
		if !adviseName(name) {
			note("extension %q should have three or more letters, digits and underscores and begin with a letter", name)
		}
	}
	if _, err := d.AppendJSON(nil); err != nil {
		advice = append(advice, err)
	}
	info, _ := status.Lookup(d.Status)
	for _, field := range info.RequiredHeader() {
		if len(d.Header.Values(field)) == 0 {
			note("%d needs the field %s", d.Status, field)
		}
	}
	return errors.Join(advice...)
}

func (d *Details) lintURI(member, uri string, note func(string, ...any)) {
	switch {
	case !validReference(uri):
		note("%s %q is not a URI reference", member, uri)
	case uri != "" && !strings.HasPrefix(uri, "/") && !hasScheme(uri):
		note("%s %q should be absolute, or begin with a slash", member, uri)
	}
}

// adviseName reports whether the name of an extension is as RFC 9457, section
// 4, advises. Names that are otherwise are allowed: a registered type has one.
func adviseName(name string) bool {
	for i := range len(name) {
		c := name[i] | 0x20 // a letter in lower case
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || !jsonscan.Digit(name[i]) && name[i] != '_') {
			return false
		}
	}
	return len(name) >= 3
}
