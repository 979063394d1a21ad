// Package markup has what all pages for people share: the skeleton, the style
// sheet, links, and the escaping of text. It also escapes for XML.
package markup

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rejoinder-go/rejoinder/problem/status"
)

// MaxValue is the length in bytes to which [Clip] cuts a text.
const MaxValue = 2 << 10

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

const End = "</main>\n</body>\n</html>\n"

func AppendRow(b []byte, name string, value func([]byte) []byte) []byte {
	b = AppendTag(b, "<div><dt>", Clip(name), `</dt><dd dir="auto">`)
	return append(value(b), "</dd></div>\n"...)
}

// AppendLink appends text as a link to ref if a browser can follow it without
// harm: to an http or https address, or to a path on the same server.
func AppendLink(b []byte, ref, text string) []byte {
	href, ok := LinkTo(ref)
	if !ok {
		return AppendEscaped(b, text)
	}
	b = append(b, "<a"...)
	b = AppendAttr(b, "href", href)
	return AppendTag(b, ">", text, "</a>")
}

func LinkTo(ref string) (href string, ok bool) {
	u, err := url.Parse(ref)
	if err != nil || u.User != nil { // what stands before an @ could pass for the host
		return "", false
	}
	switch u.Scheme {
	case "http", "https":
		ok = u.Host != "" && u.Opaque == ""
	case "":
		// Two slashes begin a host. Browsers take a backslash for a slash; String
		// has escaped it.
		ok = strings.HasPrefix(ref, "/") && !strings.HasPrefix(ref, "//")
	}
	return u.String(), ok
}

func AppendTag(b []byte, before, text, after string) []byte {
	b = AppendEscaped(append(b, before...), text)
	return append(b, after...)
}

func AppendAttr(b []byte, name, value string) []byte {
	b = append(append(append(b, ' '), name...), `="`...)
	return append(AppendEscaped(b, value), '"')
}

// AppendEscaped appends s for the text of an element or for an attribute value
// in double quotes, the only two places where a page has text that varies.
// Invalid UTF-8, and control characters that HTML does not allow, become
// U+FFFD.
func AppendEscaped(b []byte, s string) []byte {
	return AppendReplaced(b, s, func(r rune) string {
		switch {
		case r == '<':
			return "&lt;"
		case r == '>':
			return "&gt;"
		case r == '&':
			return "&amp;"
		case r == '"':
			return "&#34;"
		case r == '\'':
			return "&#39;"
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', 0x7F <= r && r <= 0x9F:
			return "\uFFFD"
		}
		return ""
	})
}

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
