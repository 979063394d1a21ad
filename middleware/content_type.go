package middleware

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// ContentType accepts a request body only if its media type is one of those given,
// such as "application/json" or "image/*". A request with a body of another type,
// or without a Content-Type, receives a 415 whose Accept header field lists the
// types (RFC 9110, section 15.5.16). A request without a body passes through.
// Parameters such as charset are not compared.
//
// ContentType panics if it is called without a media type, or with an invalid one.
func ContentType(mediaTypes ...string) func(http.Handler) http.Handler {
	if len(mediaTypes) == 0 {
		panic("middleware: ContentType: no media type")
	}
	accepted := make(map[string]bool, len(mediaTypes))
	for _, t := range mediaTypes {
		parsed, params, err := mime.ParseMediaType(t)
		if err != nil || len(params) > 0 || strings.Count(parsed, "/") != 1 {
			panic(fmt.Sprintf("middleware: ContentType: %q is not a media type without parameters", t))
		}
		accepted[parsed] = true
	}
	accept := strings.Join(mediaTypes, ", ")
	return func(next http.Handler) http.Handler {
		mustHandler("ContentType", next)
		return &contentTypeHandler{router{next}, accepted, accept, strings.Join(mediaTypes, " or ")}
	}
}

type contentTypeHandler struct {
	router
	accepted       map[string]bool
	accept, listed string // for the header field, and for the detail
}

func (h *contentTypeHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !hasBody(r), isAccepted(h.accepted, r.Header["Content-Type"]):
		h.next.ServeHTTP(w, r)
	case endsWithHeader(r):
		exchange.ServeBody(h.next, w, r, http.NoBody)
	default:
		h.refuse(w, r)
	}
}

func (h *contentTypeHandler) refuse(w http.ResponseWriter, r *http.Request) {
	d := problem.New(http.StatusUnsupportedMediaType,
		problem.Detailf("The body must have the media type %s.", h.listed),
		problem.Header("Accept", h.accept))
	if r.Method == "QUERY" { // RFC 10008 defines a header field for it
		d = d.With(problem.Header("Accept-Query", h.accept))
	}
	respond.Problem(w, r, d)
}

// hasBody reports whether a request has a body, or may have one: with HTTP/2 and
// with chunks, its length is not known beforehand.
func hasBody(r *http.Request) bool {
	return r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody
}

// endsWithHeader reports whether a request without a Content-Type has no body
// after all. HTTP/3 servers do not report that a request ends with its header, so
// one byte is read before such a request would be refused.
func endsWithHeader(r *http.Request) bool {
	if r.ProtoMajor < 3 || r.ContentLength > 0 || len(r.Header["Content-Type"]) > 0 {
		return false
	}
	var first [1]byte
	n, err := io.ReadFull(r.Body, first[:])
	return n == 0 && err == io.EOF
}

func isAccepted(accepted map[string]bool, values []string) bool {
	if len(values) != 1 { // of two types, neither is known to be right
		return false
	}
	t, _, err := mime.ParseMediaType(values[0])
	if err != nil && t == "" {
		return false
	}
	if accepted[t] {
		return true
	}
	major, _, _ := strings.Cut(t, "/")
	return accepted[major+"/*"] || accepted["*/*"]
}
