package problem

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
	"github.com/rejoinder-go/rejoinder/problem/internal/markup"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// MediaTypeHTML is the media type of the pages for people.
const MediaTypeHTML = "text/html; charset=utf-8"

// HTMLPolicy is the Content-Security-Policy to send with every page of this
// package and of package typedoc. It lets a browser load nothing but the page
// itself and apply nothing but its style sheet.
const HTMLPolicy = markup.Policy

// HTMLStyle is the style sheet of all these pages. A page of the service's own that
// has it as its only style element, to the last byte, looks like them and obeys
// HTMLPolicy.
const HTMLStyle = markup.Style

// What a page shows of a problem at most. It is for people, who read no more;
// the other forms have everything.
const (
	maxPageExtensions = 32
	maxPageItems      = 50 // of a list
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
// If the header has a Retry-After the page says when to come back.
//
// What is appended is a complete page also when the error is not nil; the error
// is as that of AppendJSON. It is safe for concurrent use.
func (d *Details) AppendHTML(b []byte) ([]byte, error) { return d.AppendHTMLWith(b, HTMLOptions{}) }

// HTMLOptions are what a page shows besides the problem. Each may be empty.
type HTMLOptions struct {
	// Home is where a link at the top leads: a path on the same server, or an
	// http or https address.
	Home string
	// RequestID is the id under which the request is in the log.
	RequestID string
}

// AppendHTMLWith is [Details.AppendHTML] with more on the page.
func (d *Details) AppendHTMLWith(b []byte, o HTMLOptions) ([]byte, error) {
	title := d.Title
	if title == "" {
		title = status.Nearest(d.Status).Reason
	}
	code := ""
	if status.ClassOf(d.Status) != 0 {
		code = strconv.Itoa(d.Status)
	}
	b = markup.AppendHead(b, d.language(), strings.TrimSpace(code+" "+title), status.ClassOf(d.Status))
	if href, ok := markup.LinkTo(o.Home); ok {
		b = append(b, `<nav lang="en"><a`...)
		b = append(markup.AppendAttr(b, "href", href), ">Home</a></nav>\n"...)
	}
	if code != "" {
		b = markup.AppendTag(b, `<p class="code">`, code, "</p>\n")
	}
	b = markup.AppendTag(b, `<h1 dir="auto">`, title, "</h1>\n")
	if d.Detail != "" {
		b = markup.AppendTag(b, `<p class="lead" dir="auto">`, d.Detail, "</p>\n")
	}
	b = d.appendReturn(b)
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
	b = appendFooter(b, d.Status, title, o.RequestID)
	return append(b, markup.End...), err
}

// appendReturn says when to come back, if the header does.
func (d *Details) appendReturn(b []byte) []byte {
	wait, ok := d.RetryAfter()
	if !ok {
		return b
	}
	text := "You can try again now."
	if at := strings.Trim(d.Header.Get("Retry-After"), " \t"); !jsonscan.Digit(at[0]) {
		text = "Try again after " + at + "."
	} else if wait > 0 {
		text = "Try again in " + inWords(wait) + "."
	}
	return markup.AppendTag(b, `<p class="retry" lang="en" dir="ltr">`, text, "</p>\n")
}

// inWords returns a time for people, rounded up.
func inWords(wait time.Duration) string {
	n, unit := int64(math.Ceil(wait.Seconds())), "second"
	switch {
	case wait > 48*time.Hour:
		n, unit = int64(math.Ceil(wait.Hours()/24)), "day"
	case wait > 2*time.Hour:
		n, unit = int64(math.Ceil(wait.Hours())), "hour"
	case wait > 2*time.Minute:
		n, unit = int64(math.Ceil(wait.Minutes())), "minute"
	}
	if n != 1 {
		unit += "s"
	}
	return strconv.FormatInt(n, 10) + " " + unit
}

// appendFooter appends the specification of the status, with its reason unless
// that is the title, and the id of the request.
func appendFooter(b []byte, code int, title, requestID string) []byte {
	s, known := status.Lookup(code)
	if !known && requestID == "" {
		return b
	}
	b = append(b, `<footer lang="en" dir="ltr">`...)
	if known {
		b = append(b, "<p>"...)
		if title != s.Reason {
			b = markup.AppendEscaped(b, s.String()+" · ")
		}
		b = append(markup.AppendLink(b, s.Link(), s.Citation()), "</p>"...)
	}
	if requestID != "" {
		b = markup.AppendTag(b, "<p>Request <code>", markup.Clip(requestID), "</code></p>")
	}
	return append(b, "</footer>\n"...)
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
		b = markup.AppendRow(b, "type", func(b []byte) []byte { return markup.AppendLink(b, d.Type, uriText(d.Type)) })
	}
	if d.Instance != "" {
		b = markup.AppendRow(b, "instance", func(b []byte) []byte { return markup.AppendLink(b, d.Instance, uriText(d.Instance)) })
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
		b = markup.AppendRow(b, name, func(b []byte) []byte { return appendPageValue(b, raw) })
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
		return markup.AppendEscaped(b, markup.Clip(text))
	case len(raw) > markup.MaxValue:
		return markup.AppendTag(b, "<pre>", markup.Clip(string(raw)), "</pre>")
	case raw[0] == '[' && len(raw) > len("[]") && json.Unmarshal(raw, &list) == nil:
		b = append(b, "<ul>"...)
		for _, item := range list[:min(len(list), maxPageItems)] {
			b = markup.AppendTag(b, `<li dir="auto">`, item, "</li>")
		}
		b = append(b, "</ul>"...)
		return appendMore(b, len(list)-maxPageItems)
	case raw[0] == '[' || raw[0] == '{':
		var lines bytes.Buffer
		// Deep nesting would spend most of the page on indentation.
		if bytes.Count(raw, []byte("["))+bytes.Count(raw, []byte("{")) <= 64 && json.Indent(&lines, raw, "", "  ") == nil {
			raw = lines.Bytes()
		}
		return markup.AppendTag(b, "<pre>", string(raw), "</pre>")
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
		b = markup.AppendTag(b, `<li><span dir="auto">`, markup.Clip(f.Detail), "</span>")
		for _, place := range [...]string{f.Pointer, f.Parameter, f.Header} {
			if place != "" {
				b = markup.AppendTag(b, "<code>", markup.Clip(place), "</code>")
			}
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
