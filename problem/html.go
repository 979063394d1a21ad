package problem

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MediaTypeHTML is the media type of the pages for people.
const MediaTypeHTML = "text/html; charset=utf-8"

// What a page shows of a problem at most. It is for people, who read no more;
// the other forms have everything.
const (
	maxPageExtensions = 32
	maxPageItems      = 50      // of a list
	maxPageValue      = 2 << 10 // bytes of one extension
)

// AppendHTML appends the problem as a page for people and returns the extended
// slice. It shows what [Details.AppendJSON] writes: an "errors" extension of
// the form that [Errors] gives it as a list, other values as text or JSON, each
// up to 2 KiB, 32 of them and 50 items of a list, with the number of what is
// not shown. A title that is missing is taken from the catalogue. Type and
// instance are links if they are http or https addresses, or paths on the same
// server.
//
// The page is in the language that the Content-Language field of d.Header
// names, English by default. Everything is escaped. It needs nothing from
// elsewhere, neither scripts nor pictures: send it with [HTMLPolicy].
//
// What is appended is a complete page also when the error is not nil; the error
// is as that of AppendJSON. It is safe for concurrent use.
func (d *Details) AppendHTML(b []byte) ([]byte, error) {
	s, known := Lookup(d.Status)
	title := d.Title
	if title == "" {
		title = Nearest(d.Status).Reason
	}
	code := ""
	if ClassOf(d.Status) != 0 {
		code = strconv.Itoa(d.Status)
	}
	b = appendPageHead(b, d.language(), strings.TrimSpace(code+" "+title), ClassOf(d.Status))
	if code != "" {
		b = appendTag(b, `<p class="code">`, code, "</p>\n")
	}
	b = appendTag(b, `<h1 dir="auto">`, title, "</h1>\n")
	if d.Detail != "" {
		b = appendTag(b, `<p class="lead" dir="auto">`, d.Detail, "</p>\n")
	}
	names := slices.Sorted(maps.Keys(d.Extensions))
	if at, ok := slices.BinarySearch(names, "errors"); ok {
		if raw, err := appendValue(nil, d.Extensions["errors"]); err == nil {
			if faults := faultsOf(raw); faults != nil {
				b = appendFaults(b, faults)
				names = slices.Delete(names, at, at+1)
			}
		}
	}
	b, err := d.appendMembers(b, names)
	if known {
		b = append(b, `<footer lang="en" dir="ltr"><p>`...)
		b = appendEscaped(b, s.String())
		b = append(b, " · "...)
		b = appendLink(b, s.Link(), s.Citation())
		b = append(b, "</p></footer>\n"...)
	}
	return append(b, pageEnd...), err
}

// language is the first language of the problem's Content-Language that looks
// like a language tag.
func (d *Details) language() string {
	tag, _, _ := strings.Cut(d.Header.Get("Content-Language"), ",")
	if tag = strings.TrimSpace(tag); tag != "" && len(tag) <= 35 && strings.Trim(tag, languageChars) == "" {
		return tag
	}
	return "en"
}

const languageChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"

// appendMembers appends the members that have no place of their own on the page
// as a list of names and values.
func (d *Details) appendMembers(b []byte, names []string) ([]byte, error) {
	var dropped []error
	begin := len(b)
	b = append(b, "<dl>\n"...)
	empty := len(b)
	if d.typeURI() != BlankType {
		b = appendRow(b, "type", func(b []byte) []byte { return appendLink(b, d.Type, uriText(d.Type)) })
	}
	if d.Instance != "" {
		b = appendRow(b, "instance", func(b []byte) []byte { return appendLink(b, d.Instance, uriText(d.Instance)) })
	}
	shown, hidden := 0, 0
	for _, name := range names {
		if name == "" || reserved(name) || !utf8.ValidString(name) {
			dropped = append(dropped, &ExtensionError{name, errReserved})
			continue
		}
		raw, err := appendValue(nil, d.Extensions[name])
		if err != nil {
			dropped = append(dropped, &ExtensionError{name, err})
			continue
		}
		if shown++; shown > maxPageExtensions {
			hidden++
			continue
		}
		b = appendRow(b, name, func(b []byte) []byte { return appendPageValue(b, raw) })
	}
	if len(b) == empty {
		b = b[:begin]
	} else {
		b = append(b, "</dl>\n"...)
	}
	return appendMore(b, hidden), errors.Join(dropped...)
}

// appendPageValue appends the JSON of an extension for people to read.
func appendPageValue(b, raw []byte) []byte {
	raw = bytes.TrimSpace(raw)
	var list []string
	switch {
	case raw[0] == '"':
		var text string
		_ = json.Unmarshal(raw, &text) // just encoded
		return appendEscaped(b, clip(text))
	case len(raw) > maxPageValue:
		return appendTag(b, "<pre>", clip(string(raw)), "</pre>")
	case raw[0] == '[' && len(raw) > len("[]") && json.Unmarshal(raw, &list) == nil:
		b = append(b, "<ul>"...)
		for _, item := range list[:min(len(list), maxPageItems)] {
			b = appendTag(b, `<li dir="auto">`, item, "</li>")
		}
		b = append(b, "</ul>"...)
		return appendMore(b, len(list)-maxPageItems)
	case raw[0] == '[' || raw[0] == '{':
		var lines bytes.Buffer
		// Deep nesting would spend most of the page on indentation.
		if bytes.Count(raw, []byte("["))+bytes.Count(raw, []byte("{")) <= 64 && json.Indent(&lines, raw, "", "  ") == nil {
			raw = lines.Bytes()
		}
		return appendTag(b, "<pre>", string(raw), "</pre>")
	}
	return append(b, raw...) // a number, true, false or null
}

// faultsOf returns the items of an "errors" extension, or nil if it is not the
// non-empty list that [Errors] makes.
func faultsOf(raw []byte) []FieldError {
	var faults []FieldError
	if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) || json.Unmarshal(raw, &faults) != nil {
		return nil
	}
	for _, f := range faults {
		if f.Detail == "" {
			return nil
		}
	}
	return faults
}

func appendFaults(b []byte, faults []FieldError) []byte {
	b = append(b, `<ul class="faults">`+"\n"...)
	for _, f := range faults[:min(len(faults), maxPageItems)] {
		b = appendTag(b, `<li><span dir="auto">`, clip(f.Detail), "</span>")
		if f.Pointer != "" {
			b = appendTag(b, "<code>", clip(f.Pointer), "</code>")
		}
		b = append(b, "</li>\n"...)
	}
	b = append(b, "</ul>\n"...)
	return appendMore(b, len(faults)-maxPageItems)
}

func appendMore(b []byte, hidden int) []byte {
	if hidden <= 0 {
		return b
	}
	b = append(b, `<p class="more" lang="en" dir="ltr">`...)
	b = strconv.AppendInt(b, int64(hidden), 10)
	return append(b, " more</p>\n"...)
}

func clip(s string) string {
	if len(s) <= maxPageValue {
		return s
	}
	end := maxPageValue
	for end > maxPageValue-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// The parts that all pages share.

func appendPageHead(b []byte, language, title string, class Class) []byte {
	b = append(b, "<!DOCTYPE html>\n<html"...)
	b = appendAttr(b, "lang", language)
	if primary, _, _ := strings.Cut(strings.ToLower(language), "-"); slices.Contains(rightToLeft[:], primary) {
		b = appendAttr(b, "dir", "rtl")
	}
	b = append(b, ">\n<head>\n"+
		`<meta charset="utf-8">`+"\n"+
		`<meta name="viewport" content="width=device-width, initial-scale=1">`+"\n"+
		`<meta name="referrer" content="no-referrer">`+"\n"+
		`<link rel="icon" href="data:,">`+"\n"...)
	b = appendTag(b, "<title>", title, "</title>\n")
	b = append(b, "<style>"+htmlStyle+"</style>\n</head>\n<body"...)
	if class != 0 {
		b = appendAttr(b, "class", "c"+strconv.Itoa(int(class)))
	}
	return append(b, ">\n<main>\n"...)
}

// rightToLeft has the languages that are usually written from right to left.
var rightToLeft = [...]string{"ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"}

const pageEnd = "</main>\n</body>\n</html>\n"

func appendRow(b []byte, name string, value func([]byte) []byte) []byte {
	b = appendTag(b, "<div><dt>", clip(name), `</dt><dd dir="auto">`)
	return append(value(b), "</dd></div>\n"...)
}

// appendLink appends text as a link to ref if a browser can follow it without
// harm: to an http or https address, or to a path on the same server.
func appendLink(b []byte, ref, text string) []byte {
	href, ok := linkTo(ref)
	if !ok {
		return appendEscaped(b, text)
	}
	b = append(b, "<a"...)
	b = appendAttr(b, "href", href)
	return appendTag(b, ">", text, "</a>")
}

func linkTo(ref string) (href string, ok bool) {
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

func appendTag(b []byte, before, text, after string) []byte {
	b = appendEscaped(append(b, before...), text)
	return append(b, after...)
}

func appendAttr(b []byte, name, value string) []byte {
	b = append(append(append(b, ' '), name...), `="`...)
	return append(appendEscaped(b, value), '"')
}

// appendEscaped appends s for the text of an element or for an attribute value
// in double quotes, the only two places where a page has text that varies.
// Invalid UTF-8, and control characters that HTML does not allow, become
// U+FFFD.
func appendEscaped(b []byte, s string) []byte {
	return appendReplaced(b, s, func(r rune) string {
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
