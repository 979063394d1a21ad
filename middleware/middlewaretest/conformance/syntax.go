package conformance

import (
	"mime"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// isToken reports whether s is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// hasControl reports whether a field value has a character that none may have (RFC
// 9110, section 5.5).
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f })
}

// isDigits reports whether s consists of digits.
func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// elements splits a list at its commas, outside of quoted strings.
func elements(list string) []string {
	var all []string
	start, quoted := 0, false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			all, start = append(all, trim(list[start:i])), i+1
		}
	}
	return append(all, trim(list[start:]))
}

// trim removes optional white space (RFC 9110, section 5.6.3).
func trim(s string) string { return strings.Trim(s, " \t") }

// fixdate is the one form of a date that a sender may use (RFC 9110, section 5.6.7).
const fixdate = "Mon, 02 Jan 2006 15:04:05 GMT"

// parseDate parses a date in the form of fixdate.
func parseDate(s string) (time.Time, bool) {
	t, err := time.Parse(fixdate, s)
	return t, err == nil && t.Format(fixdate) == s // Parse accepts another weekday
}

// isReference reports whether s is a URI reference (RFC 3986, section 4.1).
func isReference(s string) bool {
	if !uriCharacters.MatchString(s) {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme != "" || !strings.HasPrefix(s, ":"))
}

// uriCharacters matches what may be in a reference: net/url accepts more. One
// number sign begins the fragment.
var uriCharacters = regexp.MustCompile(`^(?:[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*(?:#(?:[A-Za-z0-9\-._~:/?@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)?$`)

// hasUserinfo reports whether an http or https URI names a user.
func hasUserinfo(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.User != nil && (u.Scheme == "" || strings.EqualFold(u.Scheme, "http") || strings.EqualFold(u.Scheme, "https"))
}

// mediaType returns the type and subtype in lower case, and the parameters.
func mediaType(s string) (name string, params map[string]string, ok bool) {
	name, params, err := mime.ParseMediaType(s)
	if err != nil {
		return "", nil, false
	}
	top, sub, slash := strings.Cut(name, "/")
	return name, params, slash && isToken(top) && isToken(sub)
}

var (
	// entityTag is RFC 9110, section 8.8.3.
	entityTag = regexp.MustCompile(`^(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"$`)
	// languageTag is the general form of RFC 5646, section 2.1.
	languageTag = regexp.MustCompile(`^[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*$`)
	// byteRange is a Content-Range of bytes (RFC 9110, section 14.4).
	byteRange = regexp.MustCompile(`^bytes (?:(\d+)-(\d+)/(\d+|\*)|\*/(\d+))$`)
	// challengeStart is an auth-scheme, alone or before a space (RFC 9110, section 11.3).
	challengeStart = regexp.MustCompile("^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+(?: +(.*))?$")
	// parameter is an auth-param without white space around its equals sign.
	parameter = regexp.MustCompile("^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+=(?:[!#$%&'*+\\-.^_`|~0-9A-Za-z]+|\"(?:[^\"\\\\]|\\\\.)*\")$")
	// token68 is RFC 9110, section 11.2.
	token68 = regexp.MustCompile(`^[A-Za-z0-9\-._~+/]+=*$`)
)

// isChallenges reports whether s is a list of challenges (RFC 9110, section 11.3):
// each element begins one, or is a further parameter of the one before.
func isChallenges(s string) bool {
	begun := false
	for _, e := range elements(s) {
		switch m := challengeStart.FindStringSubmatch(e); {
		case begun && parameter.MatchString(e):
		case m != nil && (m[1] == "" || parameter.MatchString(m[1]) || token68.MatchString(m[1])):
			begun = true
		default:
			return false
		}
	}
	return begun
}
