package middleware

import (
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// ContentType lets content pass only if it has one of the media types, such as
// "application/json" or "image/*". A request with content of another type, or
// of none, is answered with 415 as a problem, whose Accept field tells which
// types are welcome (RFC 9110, section 15.5.16). A request without content
// passes. Parameters such as charset are not compared.
//
// Panics without a media type, and if one is not valid.
func ContentType(mediaTypes ...string) func(http.Handler) http.Handler {
	if len(mediaTypes) == 0 {
		panic("middleware: ContentType: no media type")
	}
	accepted := make(map[string]bool, len(mediaTypes))
	for _, t := range mediaTypes {
		parsed, params, err := mime.ParseMediaType(t)
		if err != nil || len(params) > 0 || strings.Count(parsed, "/") != 1 {
			panic(fmt.Sprintf("middleware: ContentType: %q is no media type without parameters", t))
		}
		accepted[parsed] = true
	}
	accept := strings.Join(mediaTypes, ", ")
	return func(next http.Handler) http.Handler {
		mustHandler("ContentType", next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if hasContent(r) && !isAccepted(accepted, r.Header["Content-Type"]) {
				respond.Problem(w, r, problem.New(http.StatusUnsupportedMediaType,
					problem.Detailf("The content has to be of type %s.", strings.Join(mediaTypes, " or ")),
					problem.Header("Accept", accept)))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// hasContent reports whether a request has content, or may have some: over
// HTTP/2, and in chunks, its length is not known beforehand.
func hasContent(r *http.Request) bool {
	return r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody
}

func isAccepted(accepted map[string]bool, values []string) bool {
	if len(values) != 1 { // of two types nobody knows which is meant
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
