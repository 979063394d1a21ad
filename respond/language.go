package respond

import (
	"cmp"
	"net/http"
	"strings"
)

// NegotiateLanguage returns the offer that the Accept-Language field of the
// request prefers (RFC 9110, section 12.5.4). Offers are language tags such as
// "en" or "pt-BR", in the order in which the server prefers them. Between offers
// of the same weight, the one that matches most exactly is returned, or otherwise
// the first of them. It suits [Responder.Localize].
//
// An offer matches a range for the same language, for a wider one (de for de-CH)
// or for a narrower one (de-CH for de); the most specific range decides. If no
// range matches an offer, the result is the first offer that the client does not
// refuse; if it refuses all, or if r is nil, the result is the first offer: a text
// in another language is more useful than none. Without offers the result is "".
//
// NegotiateLanguage reads at most 4 KiB of Accept-Language fields, and allocates
// nothing.
func NegotiateLanguage(r *http.Request, offers ...string) string {
	if len(offers) == 0 {
		return ""
	}
	if r == nil || len(r.Header["Accept-Language"]) == 0 {
		return offers[0]
	}
	var best, unmentioned string
	var of match
	for _, offer := range offers {
		m := matchLanguage(r.Header["Accept-Language"], offer)
		if m.weight > of.weight || m.weight == of.weight && m.weight > 0 && m.fit > of.fit {
			best, of = offer, m
		}
		if m.fit == 0 && unmentioned == "" {
			unmentioned = offer
		}
	}
	return cmp.Or(best, unmentioned, offers[0])
}

// matchLanguage returns the range of Accept-Language fields that applies to an
// offer.
func matchLanguage(fields []string, offer string) (best match) {
	for member := range members(fields) {
		rng, weight, ok := parseLanguageRange(member)
		if !ok {
			continue
		}
		fit := languageFit(rng, offer)
		if fit == narrower && weight == 0 {
			continue // a client that refuses de-CH has not refused de
		}
		best.prefer(match{weight, fit})
	}
	return best
}

// parseLanguageRange parses one member of an Accept-Language field.
func parseLanguageRange(s string) (rng string, weight int, ok bool) {
	rng, param, weighted := strings.Cut(s, ";")
	rng = strings.Trim(rng, " \t")
	if !weighted {
		return rng, 1000, true
	}
	name, value, _ := strings.Cut(strings.Trim(param, " \t"), "=")
	weight, ok = parseWeight(value)
	return rng, weight, ok && strings.EqualFold(name, "q")
}

// These constants are how specifically a language range matches an offer. The
// length of a wider range is added to wider, so that the longest of several is the
// most specific (RFC 4647, section 3.3.1).
const (
	anyLanguage = 1
	wider       = 2
	narrower    = maxAccept + wider // RFC 4647, section 3.4
	same        = narrower + 1
)

func languageFit(rng, offer string) int {
	switch {
	case rng == "*":
		return anyLanguage
	case strings.EqualFold(rng, offer):
		return same
	case extends(offer, rng):
		return wider + len(rng)
	case extends(rng, offer):
		return narrower
	}
	return 0
}

// extends reports whether tag begins with all subtags of other, and has more.
func extends(tag, other string) bool {
	return other != "" && len(tag) > len(other) && tag[len(other)] == '-' && strings.EqualFold(tag[:len(other)], other)
}
