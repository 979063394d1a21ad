package conformance

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// fieldRules are about header fields that a response with any status may have.
var fieldRules = []Rule{
	// all of them
	{"singleton", 9110, "5.3", Must, "a header field that is not a list is sent once", "use Header().Set in place of Add", singleton},
	{"empty-element", 9110, "5.6.1.1", Must, "a list has no empty elements", "leave out the comma, or the header field if the list is empty", emptyElement},

	{"date-missing", 9110, "6.6.1", Must, "2xx, 3xx and 4xx have a Date", "do not set Date to nil: net/http adds it", dateMissing},
	{"date-syntax", 9110, "5.6.7", Must, "a date is written as in Mon, 02 Jan 2006 15:04:05 GMT", "format it with http.TimeFormat, in UTC", dateSyntax},
	{"date-clock", 9110, "6.6.1", Should, "Date is the time at which the response was made", "set the clock of the server, and leave Date to net/http", dateClock},

	// what describes the body
	{"type-missing", 9110, "8.3", Should, "a response with a body has a Content-Type", "set Content-Type; do not set it to nil", typeMissing},
	{"type-syntax", 9110, "8.3.1", Must, "Content-Type is a type, a slash, a subtype and parameters", "format it with mime.FormatMediaType", typeSyntax},
	{"encoding-syntax", 9110, "8.4.1", Must, "Content-Encoding lists the names of codings", "remove the field, or name the coding; identity is not one", encodingSyntax},
	{"encoding-wrong", 9110, "8.4", Must, "a body has the codings that Content-Encoding lists",
		"put the compressor outside of the layers that write errors, as docs/integration.md shows", encodingWrong},
	{"encoding-unaccepted", 9110, "12.5.3", Should, "no coding is used that the Accept-Encoding of the request does not list", "read Accept-Encoding before a body is compressed", encodingUnaccepted},
	{"language-syntax", 9110, "8.5", Must, "Content-Language lists language tags", "send tags such as en or pt-BR", languageSyntax},
	{"content-location-syntax", 9110, "8.7", Must, "Content-Location is a URI without a fragment", "format it with url.URL", contentLocationSyntax},
	{"accept-ranges-syntax", 9110, "14.3", Must, "Accept-Ranges lists range units, or is none", "send bytes or none, as http.ServeContent does", acceptRangesSyntax},

	// validators
	{"etag-syntax", 9110, "8.8.3", Must, `an ETag is quoted, with W/ before it if it is weak`, "use respond.Validators, which quotes it", etagSyntax},
	{"modified-later", 9110, "8.8.2.1", Must, "Last-Modified is not later than Date", "send the present time in place of a later one", modifiedLater},

	// where to go, and what may be sent there
	{"location-syntax", 9110, "10.2.2", Must, "Location is a URI reference", "escape the parts of the path, as respond.Redirect and respond.Created do", locationSyntax},
	{"userinfo", 9110, "4.2.4", Must, "a URI in a header names no user", "remove the name and the password from the URL", userinfo},
	{"allow-syntax", 9110, "10.2.1", Must, "Allow lists methods", "use problem.Allow", allowSyntax},
	{"retry-after-syntax", 9110, "10.2.3", Must, "Retry-After is a number of seconds or a date", "use problem.RetryAfter", retryAfterSyntax},
	{"challenge-syntax", 9110, "11.6.1", Must, "WWW-Authenticate and Proxy-Authenticate list challenges, such as Basic realm=\"orders\"", "use problem.Challenge", challengeSyntax},
	{"vary-syntax", 9110, "12.5.5", Must, "Vary lists names of header fields, or an asterisk", "use respond.Vary", varySyntax},
}

// singletons are the fields of RFC 9110 and RFC 9111 that are not lists.
// Content-Length has a rule of its own.
var singletons = []string{"Age", "Content-Location", "Content-Range", "Content-Type", "Date", "ETag", "Expires", "Last-Modified", "Location", "Retry-After", "Server"}

func singleton(x *exchange) string {
	return each(x, func(m *message) string {
		for _, name := range singletons {
			if n := len(m.header.values(name)); n > 1 {
				return fmt.Sprintf("%s is sent %d times", name, n)
			}
		}
		return ""
	})
}

// lists are the list fields that are checked. Each may be empty.
var lists = []string{"Allow", "Vary", "Cache-Control", "Connection", "Content-Encoding", "Content-Language", "Accept-Ranges", "Upgrade",
	"Trailer", "WWW-Authenticate", "Proxy-Authenticate", "Via"}

func emptyElement(x *exchange) string {
	return each(x, func(m *message) string {
		for _, name := range lists {
			for _, value := range m.header.values(name) {
				if value != "" && slices.Contains(elements(value), "") {
					return fmt.Sprintf("%s: %s", name, value)
				}
			}
		}
		return ""
	})
}

func dateMissing(x *exchange) string {
	if m := x.final; m != nil && m.status >= 200 && m.status <= 499 && !m.header.has("Date") {
		return "there is no Date"
	}
	return ""
}

func dateSyntax(x *exchange) string {
	return each(x, func(m *message) string {
		for _, name := range []string{"Date", "Last-Modified"} {
			for _, v := range m.header.values(name) {
				if _, ok := parseDate(v); !ok {
					return fmt.Sprintf("%s: %s", name, v)
				}
			}
		}
		return ""
	})
}

func dateClock(x *exchange) string {
	return each(x, func(m *message) string {
		if t, ok := parseDate(m.header.get("Date")); ok {
			if off := time.Since(t).Round(time.Second); (off > time.Minute || off < -time.Minute) && !m.header.has("Age") {
				return fmt.Sprintf("Date differs from the clock of the checker by %v", off)
			}
		}
		return ""
	})
}

func typeMissing(x *exchange) string {
	if m := x.final; m != nil && len(m.body) > 0 && !m.header.has("Content-Type") {
		return fmt.Sprintf("the body has %d bytes", len(m.body))
	}
	return ""
}

func typeSyntax(x *exchange) string {
	return each(x, func(m *message) string {
		for _, v := range m.header.values("Content-Type") {
			if _, _, ok := mediaType(v); !ok {
				return "Content-Type: " + v
			}
		}
		return ""
	})
}

func encodingSyntax(x *exchange) string {
	return each(x, func(m *message) string {
		for _, c := range m.header.list("Content-Encoding") {
			if !isToken(c) || strings.EqualFold(c, "identity") {
				return "Content-Encoding: " + c
			}
		}
		return ""
	})
}

func encodingWrong(x *exchange) string {
	if m := x.final; m != nil && len(m.body) > 0 && x.complete() {
		if _, err := m.decoded(); err != nil {
			return fmt.Sprintf("Content-Encoding: %s, but %v", strings.Join(m.header.values("Content-Encoding"), ", "), err)
		}
	}
	return ""
}

// decoded returns the body without its content codings. It is nil if the standard
// library has no decoder for one of them.
func (m *message) decoded() ([]byte, error) {
	body := m.body
	codings := m.header.list("Content-Encoding")
	for _, c := range slices.Backward(codings) {
		var r io.Reader
		var err error
		switch strings.ToLower(c) {
		case "gzip", "x-gzip":
			r, err = gzip.NewReader(bytes.NewReader(body))
		case "deflate": // RFC 9110, section 8.4.1.2: in the zlib format
			r, err = zlib.NewReader(bytes.NewReader(body))
		default:
			return nil, nil
		}
		if err == nil {
			body, err = io.ReadAll(io.LimitReader(r, maxDecoded))
		}
		if err != nil {
			return nil, fmt.Errorf("the body does not decode: %w", err)
		}
	}
	return body, nil
}

// maxDecoded is how many bytes are read of a decoded body.
const maxDecoded = 4 << 20

func encodingUnaccepted(x *exchange) string {
	accepted := x.request.Header.Get("Accept-Encoding")
	m := x.final
	if m == nil || accepted == "" {
		return ""
	}
	for _, c := range m.header.list("Content-Encoding") {
		if !accepts(accepted, c) {
			return "Content-Encoding: " + c
		}
	}
	return ""
}

// accepts reports whether an Accept-Encoding field permits a coding.
func accepts(field, coding string) bool {
	any := false
	for _, e := range elements(field) {
		name, weight, _ := strings.Cut(e, ";")
		_, q, _ := strings.Cut(weight, "=")
		value, err := strconv.ParseFloat(trim(q), 64)
		permitted := err != nil || value > 0
		switch name = trim(name); {
		case strings.EqualFold(strings.TrimPrefix(name, "x-"), strings.TrimPrefix(coding, "x-")):
			return permitted
		case name == "*":
			any = permitted
		}
	}
	return any
}

func languageSyntax(x *exchange) string {
	return each(x, func(m *message) string {
		for _, tag := range m.header.list("Content-Language") {
			if !languageTag.MatchString(tag) {
				return "Content-Language: " + tag
			}
		}
		return ""
	})
}

func contentLocationSyntax(x *exchange) string {
	return each(x, func(m *message) string {
		for _, v := range m.header.values("Content-Location") {
			if !isReference(v) || strings.Contains(v, "#") || v == "" {
				return "Content-Location: " + v
			}
		}
		return ""
	})
}

func acceptRangesSyntax(x *exchange) string {
	return each(x, func(m *message) string {
		units := m.header.list("Accept-Ranges")
		for _, unit := range units {
			if !isToken(unit) || unit == "none" && len(units) > 1 {
				return "Accept-Ranges: " + strings.Join(units, ", ")
			}
		}
		return ""
	})
}

func etagSyntax(x *exchange) string {
	return each(x, func(m *message) string {
		for _, v := range m.header.values("ETag") {
			if !entityTag.MatchString(v) {
				return "ETag: " + v
			}
		}
		return ""
	})
}

func modifiedLater(x *exchange) string {
	return each(x, func(m *message) string {
		modified, ok := parseDate(m.header.get("Last-Modified"))
		date, dated := parseDate(m.header.get("Date"))
		if ok && dated && modified.After(date) {
			return fmt.Sprintf("Last-Modified is %v after Date", modified.Sub(date))
		}
		return ""
	})
}

func locationSyntax(x *exchange) string {
	return each(x, func(m *message) string {
		for _, v := range m.header.values("Location") {
			if !isReference(v) || v == "" && m.status != 201 {
				return fmt.Sprintf("Location: %q", v)
			}
		}
		return ""
	})
}

func userinfo(x *exchange) string {
	return each(x, func(m *message) string {
		for _, name := range []string{"Location", "Content-Location"} {
			for _, v := range m.header.values(name) {
				if hasUserinfo(v) {
					return name + " does" // the name may be a secret
				}
			}
		}
		return ""
	})
}

func allowSyntax(x *exchange) string {
	return each(x, func(m *message) string {
		for _, method := range m.header.list("Allow") {
			if !isToken(method) {
				return "Allow: " + method
			}
		}
		return ""
	})
}

func retryAfterSyntax(x *exchange) string {
	return each(x, func(m *message) string {
		for _, v := range m.header.values("Retry-After") {
			if _, ok := parseDate(v); !ok && !isDigits(v) {
				return "Retry-After: " + v
			}
		}
		return ""
	})
}

func challengeSyntax(x *exchange) string {
	return each(x, func(m *message) string {
		for _, name := range []string{"WWW-Authenticate", "Proxy-Authenticate"} {
			for _, v := range m.header.values(name) {
				if !isChallenges(v) {
					return name + ": " + v
				}
			}
		}
		return ""
	})
}

func varySyntax(x *exchange) string {
	return each(x, func(m *message) string {
		for _, name := range m.header.list("Vary") {
			if !isToken(name) { // an asterisk is a token
				return "Vary: " + name
			}
		}
		return ""
	})
}
