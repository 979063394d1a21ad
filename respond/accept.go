package respond

import (
	"iter"
	"net/http"
	"strings"
)

// Negotiate returns the offer that the Accept field of the request prefers (RFC
// 9110, section 12.5.1). Offers are media types such as "application/json" or
// "text/html", in the order in which the server prefers them: that order decides
// between offers of the same weight. If r is nil, or has no valid Accept field,
// Negotiate returns the first offer.
//
// It returns "" if the client accepts none of the offers: send 406, or ignore the Accept
// field and send the first offer. For an error the latter is better.
//
// An offer with a structured suffix also matches a range for the plain format:
// application/problem+json matches application/json. A charset parameter in a
// range is ignored if the offer has none.
//
// Negotiate reads at most 4 KiB of Accept fields, and allocates nothing. A
// response that depends on its result needs a Vary field: see [Vary].
func Negotiate(r *http.Request, offers ...string) string {
	if len(offers) == 0 {
		return ""
	}
	if r == nil {
		return offers[0]
	}
	return negotiate(r.Header["Accept"], offers...)
}

func negotiate(accept []string, offers ...string) string {
	if len(accept) == 0 {
		return offers[0]
	}
	best, bestWeight := "", 0
	for _, offer := range offers {
		m, valid := matchMedia(accept, offer)
		if !valid {
			return offers[0]
		}
		if m.weight > bestWeight {
			best, bestWeight = offer, m.weight
		}
	}
	return best
}

// match is the range of an Accept or Accept-Language field that applies to an
// offer. The zero value means that no range does.
type match struct {
	weight int // from 0 to 1000
	fit    int // how specific the range is; 0 if it does not cover the offer
}

// prefer replaces m by o if the range of o is more specific, or if it is as
// specific and has more weight.
func (m *match) prefer(o match) {
	if o.fit > m.fit || o.fit == m.fit && o.fit > 0 && o.weight > m.weight {
		*m = o
	}
}

// maxAccept is how many bytes of Accept or Accept-Language fields are read.
// Browsers send about 150.
const maxAccept = 4 << 10

// members iterates over the members of a list in the first maxAccept bytes of
// fields. A member that does not end there is skipped.
func members(fields []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		budget := maxAccept
		for _, field := range fields {
			if len(field) > budget {
				field = field[:strings.LastIndexByte(field[:budget], ',')+1]
			}
			budget -= len(field)
			for field != "" {
				var member string
				if member, field = cutUnquoted(field, ','); !yield(member) {
					return
				}
			}
		}
	}
}

// matchMedia returns the range of Accept fields that applies to an offer, and
// whether the fields have any valid range at all.
func matchMedia(accept []string, offer string) (best match, valid bool) {
	o, isMedia := parseMedia(offer)
	for member := range members(accept) {
		rng, weight, ok := parseRange(member)
		if !ok {
			continue
		}
		valid = true
		if isMedia {
			best.prefer(match{weight, rng.covers(o)})
		}
	}
	return best, valid
}

// media is a media type or a media range.
type media struct{ typ, subtype, params string }

func parseMedia(s string) (m media, ok bool) {
	s, m.params = cutUnquoted(s, ';')
	s = strings.Trim(s, " \t")
	if s == "*" { // as old Java clients write it
		return media{"*", "*", m.params}, true
	}
	m.typ, m.subtype, ok = strings.Cut(s, "/")
	ok = ok && isToken(m.typ) && isToken(m.subtype) && (m.typ != "*" || m.subtype == "*")
	return m, ok
}

// parseRange parses one member of an Accept field. Parameters after the weight do
// not belong to the media type.
func parseRange(s string) (rng media, weight int, ok bool) {
	rng, ok = parseMedia(s)
	if !ok {
		return rng, 0, false
	}
	weight = 1000
	for rest := rng.params; rest != ""; {
		before := len(rng.params) - len(rest)
		var param string
		param, rest = cutUnquoted(rest, ';')
		if name, value, _ := strings.Cut(strings.Trim(param, " \t"), "="); name == "q" || name == "Q" {
			rng.params = rng.params[:before]
			weight, ok = parseWeight(value)
			break
		}
	}
	return rng, weight, ok
}

// parseWeight parses a qvalue, and returns it in thousandths. It accepts a missing
// zero before the point, and more than three digits after it.
func parseWeight(s string) (weight int, ok bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	if whole == "" && fraction == "" || whole != "" && whole != "0" && whole != "1" {
		return 0, false
	}
	if whole == "1" {
		weight = 1000
	}
	for i, unit := 0, 100; i < len(fraction); i, unit = i+1, unit/10 {
		if fraction[i] < '0' || fraction[i] > '9' {
			return 0, false
		}
		weight += int(fraction[i]-'0') * unit
	}
	return weight, weight <= 1000
}

// covers returns how specifically the range covers the offer, and 0 if it does
// not. From the least specific on, it covers everything, a type, the format of
// the offer's suffix, or the exact media type; each parameter adds to that.
func (rng media) covers(o media) int {
	fit := 0
	switch {
	case rng.typ == "*":
		fit = 1
	case strings.EqualFold(rng.typ, o.typ) && rng.subtype == "*":
		fit = 2
	case strings.EqualFold(rng.typ, o.typ) && strings.EqualFold(rng.subtype, o.subtype):
		fit = 4
	case rng.isFormatOf(o):
		fit = 3
	default:
		return 0
	}
	fit *= maxAccept // more than there can be parameters
	for rest := rng.params; rest != ""; {
		var param string
		param, rest = cutUnquoted(rest, ';')
		name, value, _ := strings.Cut(strings.Trim(param, " \t"), "=")
		if name == "" {
			continue
		}
		offered, has := o.param(name)
		switch {
		case has && strings.EqualFold(unquote(value), offered):
			fit++
		case !has && strings.EqualFold(name, "charset"): // text is sent in UTF-8
		default:
			return 0
		}
	}
	return fit
}

// isFormatOf reports whether the range names the format of the offer's suffix,
// as application/json does for application/problem+json (RFC 6839).
func (rng media) isFormatOf(o media) bool {
	plus := strings.LastIndexByte(o.subtype, '+')
	if plus < 0 || !strings.EqualFold(rng.subtype, o.subtype[plus+1:]) {
		return false
	}
	return strings.EqualFold(rng.typ, "application") ||
		strings.EqualFold(rng.typ, "text") && strings.EqualFold(rng.subtype, "xml")
}

// param returns the value of a parameter, and whether there is one.
func (m media) param(name string) (value string, ok bool) {
	for rest := m.params; rest != ""; {
		var param string
		param, rest = cutUnquoted(rest, ';')
		if n, v, _ := strings.Cut(strings.Trim(param, " \t"), "="); strings.EqualFold(n, name) {
			return unquote(v), true
		}
	}
	return "", false
}

// cutUnquoted cuts s at the first sep outside a quoted string. Without one,
// all of s comes before it.
func cutUnquoted(s string, sep byte) (before, after string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == sep && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// unquote returns the inside of a quoted string that needs no escapes, and
// anything else as it is.
func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' && strings.IndexByte(s, '\\') < 0 {
		return s[1 : len(s)-1]
	}
	return s
}

// isToken reports whether s is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// Vary adds names of request header fields to the Vary field of the response: the
// response depends on them (RFC 9110, section 12.5.5). A name that Vary has
// already is not repeated.
func Vary(w http.ResponseWriter, fields ...string) {
	for _, field := range fields {
		addVary(w.Header(), field)
	}
}

func addVary(h http.Header, field string) {
	values := h["Vary"]
	for _, value := range values {
		for value != "" {
			var member string
			member, value, _ = strings.Cut(value, ",")
			if member = strings.Trim(member, " \t"); member == "*" || strings.EqualFold(member, field) {
				return
			}
		}
	}
	h["Vary"] = append(values, field)
}
