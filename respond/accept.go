package respond

import (
	"net/http"
	"strings"
)

// Negotiate returns the offer that the client likes best by its Accept field
// (RFC 9110, section 12.5.1): media types such as "application/json" or
// "text/html", the server's own favourite first. That order decides between
// offers of the same weight. The first offer is also returned for a request
// that has no usable Accept field, and for none.
//
// It returns "" if the client refuses every offer, or mentions none: send
// 406, or the favourite all the same. An error is better sent in a form
// that the client did not request than replaced by a 406.
//
// An offer with a structured suffix also suits a client that requests the
// plain format: application/problem+json does for application/json. A charset
// in the client's range is passed over where the offer has none.
//
// Of a longer Accept field only the first 4 KiB count. Negotiate allocates
// nothing. A response that depends on it needs Vary: see [Vary].
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
		weight, stated := quality(accept, offer)
		if !stated {
			return offers[0]
		}
		if weight > bestWeight {
			best, bestWeight = offer, weight
		}
	}
	return best
}

// maxAccept is how many bytes of Accept fields are looked at. Browsers send
// about 150.
const maxAccept = 4 << 10

// quality returns the weight of an offer, from 0 to 1000, and whether the
// fields have any range at all. The most specific range that covers the offer
// decides; among equals the heaviest.
func quality(fields []string, offer string) (weight int, stated bool) {
	o, ok := parseMedia(offer)
	closest, budget := 0, maxAccept
	for _, field := range fields {
		if len(field) > budget { // the last range may be cut in two
			field = field[:strings.LastIndexByte(field[:budget], ',')+1]
		}
		budget -= len(field)
		for field != "" {
			var member string
			member, field = cutUnquoted(field, ',')
			rng, w, valid := parseRange(member)
			if !valid {
				continue
			}
			stated = true
			if !ok {
				continue
			}
			if s := rng.covers(o); s > closest || s == closest && s > 0 && w > weight {
				closest, weight = s, w
			}
		}
	}
	return weight, stated
}

// media is a media type or a range of them.
type media struct{ typ, subtype, params string }

func parseMedia(s string) (m media, ok bool) {
	s, m.params = cutUnquoted(s, ';')
	s = strings.Trim(s, " \t")
	if s == "*" { // as old Java clients have it
		return media{"*", "*", m.params}, true
	}
	m.typ, m.subtype, ok = strings.Cut(s, "/")
	ok = ok && isToken(m.typ) && isToken(m.subtype) && (m.typ != "*" || m.subtype == "*")
	return m, ok
}

// parseRange reads one member of an Accept field. What follows the weight
// belongs to no media type.
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

// parseWeight reads a qvalue in thousandths. It forgives a missing zero before
// the point, and more than three digits after it.
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

// covers returns how closely the range fits the offer, zero if it does not:
// everything, a type, the format of a suffix, the very type; and closer with
// every parameter.
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
		case !has && strings.EqualFold(name, "charset"): // whatever has one is sent as UTF-8
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

// Vary tells caches that the response depends on these fields of the request, in
// addition to those that the header names already. A field is named once.
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
