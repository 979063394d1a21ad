package prometheus

import (
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// Label values for what is not known, and the greatest number of routes.
const (
	other     = "other"
	noRoute   = "none"
	maxRoutes = 1000 // a service with more has a router that reports paths
)

// labels holds the values that labels may have.
type labels struct {
	methods map[string]bool
	types   map[string]bool
	routes  *routes
}

func newLabels(o Options) labels {
	l := labels{methods: map[string]bool{}, types: map[string]bool{problem.BlankType: true}, routes: &routes{known: map[string]string{}}}
	for _, m := range []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace, "QUERY",
	} {
		l.methods[m] = true
	}
	for _, m := range o.Methods {
		l.methods[strings.ToValidUTF8(m, "\uFFFD")] = true
	}
	for _, t := range []*problem.Type{
		problem.DateNotAcceptable, problem.ObliviousKeyNotAcceptable, problem.UnsupportedHashingAlgorithms,
		problem.InvalidDigestValues, problem.MismatchedDigestValues, problem.QuotaExceeded,
		problem.TemporaryReducedCapacity, problem.AbnormalUsageDetected,
	} {
		l.types[t.URI] = true
	}
	for _, t := range o.Types {
		if t == nil {
			panic("prometheus: Options.Types: a type is nil")
		}
		l.types[t.URI] = true
	}
	return l
}

func (l labels) method(method string) string {
	if l.methods[method] {
		return method
	}
	return other
}

// problemType returns the label for the URI of a problem type.
func (l labels) problemType(uri string) string {
	switch {
	case uri == "":
		return problem.BlankType
	case l.types[uri]:
		return uri
	}
	return other
}

// route returns the label for a pattern, without its method, which is a label of its
// own.
func (l labels) route(pattern string) string {
	if pattern == "" {
		return noRoute
	}
	return l.routes.label(pattern)
}

// routes are the patterns that have been seen.
type routes struct {
	mu    sync.RWMutex
	known map[string]string // by pattern
}

func (r *routes) label(pattern string) string {
	r.mu.RLock()
	label, ok := r.known[pattern]
	r.mu.RUnlock()
	if ok {
		return label
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known) >= maxRoutes {
		return other
	}
	pattern = strings.Clone(pattern)
	label = strings.ToValidUTF8(pattern, "\uFFFD")
	if i := strings.IndexAny(label, " \t"); i > 0 && !strings.Contains(label[:i], "/") {
		label = strings.TrimLeft(label[i:], " \t")
	}
	r.known[pattern] = label
	return label
}

// result returns the labels for the status of a response.
func result(res middleware.Result) (code, class string) {
	switch {
	case res.ClientGone:
		return "client_gone", "client_gone"
	case res.Aborted:
		return "aborted", "aborted"
	}
	return codeOf(res.Status), classOf(res.Status)
}

func codeOf(code int) string {
	if _, ok := status.Lookup(code); ok {
		return strconv.Itoa(code)
	}
	return other
}

func classOf(code int) string {
	if code < 100 || code > 599 {
		return other
	}
	return strconv.Itoa(code/100) + "xx"
}
