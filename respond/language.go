package respond

import (
	"net/http"
	"strings"
)

// NegotiateLanguage returns the offer that the client likes best by its
// Accept-Language field (RFC 9110, section 12.5.4): language tags such as "en"
// or "pt-BR", the server's own favourite first. Among offers of the same weight
// it is the one that is asked for most exactly, or else the first of them. It
// suits [Responder.Localize].
//
// An offer suits a client that requests the same language, for a wider one (de
// for de-CH) or for a narrower one (de-CH for de); the range that is closest
// to the offer decides. If the client mentions no offer, the result is the
// first that it does not refuse, and if it refuses all, the very first: a text
// in another language tells it more than none. It is also the result if r is
// nil. Without offers the result is "".
//
// Of a longer Accept-Language field only the first 4 KiB count.
// NegotiateLanguage allocates nothing and is safe for concurrent use.
func NegotiateLanguage(r *http.Request, offers ...string) string {
	if len(offers) == 0 {
		return ""
	}
	if r == nil || len(r.Header["Accept-Language"]) == 0 {
		return offers[0]
	}
	best, open, bestWeight, bestFit := "", "", 0, 0
	for _, offer := range offers {
		weight, fit := languageWeight(r.Header["Accept-Language"], offer)
		if weight > bestWeight || weight == bestWeight && weight > 0 && fit > bestFit {
			best, bestWeight, bestFit = offer, weight, fit
		}
		if fit == 0 && open == "" {
			open = offer
		}
	}
	switch {
	case best != "":
		return best
	case open != "":
		return open
	}
	return offers[0]
}

// languageWeight returns the weight of an offer, from 0 to 1000, and how closely
// the range fits that decides: the closest of the fields, among equals the
// heaviest. Without one both are zero.
func languageWeight(fields []string, offer string) (weight, closest int) {
	budget := maxAccept
	for _, field := range fields {
		if len(field) > budget { // the last range may be cut in two
			field = field[:strings.LastIndexByte(field[:budget], ',')+1]
		}
		budget -= len(field)
		for member := range strings.SplitSeq(field, ",") {
			rng, param, weighted := strings.Cut(member, ";")
			w := 1000
			if weighted {
				name, value, _ := strings.Cut(strings.Trim(param, " \t"), "=")
				var ok bool
				if w, ok = parseWeight(value); !ok || !strings.EqualFold(name, "q") {
					continue
				}
			}
			fit := languageFit(strings.Trim(rng, " \t"), offer)
			if fit == narrower && w == 0 {
				continue // who refuses de-CH has not refused de
			}
			if fit > closest || fit == closest && fit > 0 && w > weight {
				closest, weight = fit, w
			}
		}
	}
	return weight, closest
}

// How closely a language range fits an offer. A wider range has the number of
// its bytes added, so that the longest is the closest (RFC 4647, section 3.3.1).
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
	case within(offer, rng):
		return wider + len(rng)
	case within(rng, offer):
		return narrower
	}
	return 0
}

// within reports whether the language tag begins with all subtags of the other.
func within(tag, other string) bool {
	return other != "" && len(tag) > len(other) && tag[len(other)] == '-' && strings.EqualFold(tag[:len(other)], other)
}
