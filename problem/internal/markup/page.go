// Package markup has the parts that all HTML pages share: the beginning and the end, the
// style sheet, rows, links and escaping. AppendReplaced is also the escaping of XML.
package markup

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rejoinder-go/rejoinder/problem/status"
)

// MaxValue is the length in bytes to which [Clip] truncates a string.
const MaxValue = 2 << 10

// AppendHead appends the beginning of a page, up to the main element. The class of the
// status selects the color; zero means neutral.
func AppendHead(b []byte, language, title string, class status.Class) []byte {
	b = append(b, "<!DOCTYPE html>\n<html"...)
	b = AppendAttr(b, "lang", language)
	if primary, _, _ := strings.Cut(strings.ToLower(language), "-"); slices.Contains(rightToLeft[:], primary) {
		b = AppendAttr(b, "dir", "rtl")
	}
	b = append(b, ">\n<head>\n"+
		`<meta charset="utf-8">`+"\n"+
		`<meta name="viewport" content="width=device-width, initial-scale=1">`+"\n"+
		`<meta name="referrer" content="no-referrer">`+"\n"+
		`<link rel="icon" href="data:,">`+"\n"...)
	b = AppendTag(b, "<title>", title, "</title>\n")
	b = append(b, "<style>"+Style+"</style>\n</head>\n<body"...)
	if class != 0 {
		b = AppendAttr(b, "class", "c"+strconv.Itoa(int(class)))
	}
	return append(b, ">\n<main>\n"...)
}

// rightToLeft has the languages that are usually written from right to left.
var rightToLeft = [...]string{"ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"}

// End is the end of a page.
const End = "</main>\n</body>\n</html>\n"

// AppendRow appends a row of a dl element. The function value appends the value, escaped.
func AppendRow(b []byte, name string, value func([]byte) []byte) []byte {
	b = AppendTag(b, "<div><dt>", Clip(name), `</dt><dd dir="auto">`)
	return append(value(b), "</dd></div>\n"...)
}

// AppendLink appends text as a link to ref or, if [LinkTo] returns false, as plain text.
func AppendLink(b []byte, ref, text string) []byte {
	href, ok := LinkTo(ref)
	if !ok {
		return AppendEscaped(b, text)
	}
	b = append(b, "<a"...)
	b = AppendAttr(b, "href", href)
	return AppendTag(b, ">", text, "</a>")
}

// LinkTo returns ref as the target of a link. It returns false unless ref is an http or
// https URL or a path on the same server, since any other link could do harm.
func LinkTo(ref string) (href string, ok bool) {
	u, err := url.Parse(ref)
	if err != nil || u.User != nil { // user information could be mistaken for the host
		return "", false
	}
	switch u.Scheme {
	case "http", "https":
		ok = u.Host != "" && u.Opaque == ""
	case "":
		// Two slashes are followed by a host. A backslash, which browsers treat as a
		// slash, is escaped by String.
		ok = strings.HasPrefix(ref, "/") && !strings.HasPrefix(ref, "//")
	}
	return u.String(), ok
}

// AppendTag appends text, escaped, between before and after.
func AppendTag(b []byte, before, text, after string) []byte {
	b = AppendEscaped(append(b, before...), text)
	return append(b, after...)
}

// AppendAttr appends a space and an attribute.
func AppendAttr(b []byte, name, value string) []byte {
	b = append(append(append(b, ' '), name...), `="`...)
	return append(AppendEscaped(b, value), '"')
}

// Clip truncates s to [MaxValue] bytes, without splitting a character, and adds an ellipsis
// if it does.
func Clip(s string) string {
	if len(s) <= MaxValue {
		return s
	}
	end := MaxValue
	for end > MaxValue-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
