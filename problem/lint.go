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

// Lint checks a problem that a server sends against the advice of RFC 9457 and RFC
// 9110. It returns the findings, joined into one error, or nil. Findings do not keep a
// problem from being sent. Lint is for the tests of a service:
//
//	for _, p := range []*problem.Details{errNoOrder, errClosed} {
//		if err := p.Lint(); err != nil {
//			t.Error(err)
//		}
//	}
//
// It checks the status code, the URIs, the title, the names and values of the
// extensions, and the header fields that the status code requires.
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
		note("type %q is not in the registry of IANA, but has a URI of the registry", d.Type)
	}
	switch reason := status.Nearest(d.Status).Reason; {
	case d.Title == "" && d.typeURI() != BlankType:
		note("title is empty")
	case d.Title != "" && d.Title != reason && d.typeURI() == BlankType:
		note("title %q is not %q: define a type with this title, unless it is a translation", d.Title, reason)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Extensions)) {
		if !isAdvisedName(name) {
			note("extension name %q should begin with a letter and consist of three or more letters, digits and underscores", name)
		}
	}
	if _, err := d.AppendJSON(nil); err != nil {
		advice = append(advice, err)
	}
	info, _ := status.Lookup(d.Status)
	for _, field := range info.RequiredHeader() {
		if len(d.Header.Values(field)) == 0 {
			note("status %d requires the header field %s", d.Status, field)
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

// isAdvisedName reports whether the name of an extension follows the advice of RFC
// 9457, section 4. Others are allowed, and a registered type has one.
func isAdvisedName(name string) bool {
	for i := range len(name) {
		c := name[i] | 0x20 // turns a letter into lower case
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || !jsonscan.Digit(name[i]) && name[i] != '_') {
			return false
		}
	}
	return len(name) >= 3
}
