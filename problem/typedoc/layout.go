package typedoc

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/internal/markup"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// layout is the paths of all pages.
type layout struct {
	types []*problem.Type
	index string                     // the path of the index
	dir   string                     // the directory of the index, with a slash at its end
	paths []string                   // the paths of the types, in the order of the types
	at    map[string][]*problem.Type // the types by path
}

func layoutOf(types []*problem.Type) *layout {
	mustBeValid(types)
	l := &layout{types: types, index: "/", at: map[string][]*problem.Type{}}
	for _, t := range types {
		p, ok := pathOf(t)
		if !ok {
			continue
		}
		if l.at[p] == nil {
			l.paths = append(l.paths, p)
		}
		l.at[p] = append(l.at[p], t)
	}
	if len(l.paths) == 1 && len(l.at[l.paths[0]]) > 1 {
		l.index = l.paths[0]
	} else if len(l.paths) > 0 {
		l.index = commonDir(l.paths)
	}
	l.dir = strings.TrimSuffix(l.index, "/") + "/"
	return l
}

// pathOf returns the path of the page of a type. It returns false if the URI of the type
// does not lead to a page of this service.
func pathOf(t *problem.Type) (string, bool) {
	u, err := url.Parse(t.URI)
	if err != nil || u.Opaque != "" || strings.HasPrefix(t.URI, registry) {
		return "", false
	}
	switch u.Scheme {
	case "http", "https":
		return "/" + strings.TrimPrefix(u.Path, "/"), true
	case "":
		return u.Path, strings.HasPrefix(u.Path, "/")
	}
	return "", false
}

// registry is the beginning of the URIs of the types that IANA registered.
const registry = "https://iana.org/assignments/http-problem-types#"

// commonDir returns the deepest directory that contains all paths, with a slash at its end.
func commonDir(paths []string) string {
	common := paths[0]
	for _, p := range paths {
		for !strings.HasPrefix(p, common) {
			common = common[:len(common)-1]
		}
	}
	return common[:strings.LastIndexByte(common, '/')+1]
}

func (l *layout) statusPath(code int) string { return l.dir + strconv.Itoa(code) }

// href returns the target of a link to a type, and false if there is none.
func (l *layout) href(t *problem.Type) (string, bool) {
	p, ok := pathOf(t)
	if !ok {
		return markup.LinkTo(t.URI)
	}
	u, _ := url.Parse(t.URI) // pathOf has parsed it
	return (&url.URL{Path: p, Fragment: u.Fragment, RawFragment: u.RawFragment}).String(), true
}

// statusHref returns the target of a link to a status code. It returns false if the code
// has no page, or a type has its path.
func (l *layout) statusHref(code int) (string, bool) {
	if _, ok := status.Lookup(code); !ok || l.at[l.statusPath(code)] != nil {
		return "", false
	}
	return (&url.URL{Path: l.statusPath(code)}).String(), true
}
