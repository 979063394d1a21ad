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

// MediaTypeHTML is the media type of HTML pages.
const MediaTypeHTML = "text/html; charset=utf-8"

// HTMLSecurityPolicy is the value of the Content-Security-Policy header field to send with
// the HTML pages of this package and of package typedoc. Under it a browser applies
// the style sheet of the page and loads nothing else.
const HTMLSecurityPolicy = markup.Policy

// HTMLStyleSheet is the style sheet of these pages. Other pages of a service may have it
// too: if it is, byte for byte, the content of their only style element, they look
// like these pages and comply with HTMLSecurityPolicy.
const HTMLStyleSheet = markup.Style

// The most that a page shows. A person reads no more, and JSON and XML have all of
// it.
const (
	maxPageExtensions = 32
	maxPageItems      = 50 // of a list
)

// AppendHTML appends the problem as an HTML page and returns the extended slice.
//
// The page shows the members that [Details.AppendJSON] writes. The faults of
// [Errors] become a list, and other extensions text or JSON. It shows at most 32
// extensions, 50 items of a list and 2 KiB of a value, and how many more there are.
// If the title is empty, it shows the reason of the status code. The type and the
// instance are links if they are http or https addresses or paths on the same
// server. If d.Header has a Retry-After field, the page says when to try again.
//
// The language of the page is that of the Content-Language field of d.Header, or
// English. Everything is escaped. The page needs no scripts, images or other
// resources: send it with [HTMLSecurityPolicy].
//
// The result is a complete page even if the error is not nil. The error is that of
// AppendJSON. AppendHTML is safe for concurrent use.
func (d *Details) AppendHTML(b []byte) ([]byte, error) { return d.AppendHTMLWith(b, HTMLOptions{}) }

// HTMLOptions adds to the page of a problem. The zero value adds nothing.
type HTMLOptions struct {
	// Home is the target of a link at the top of the page: a path on the same
	// server, or an http or https address. If it is empty, there is no link.
	Home string
	// RequestID is the request id in the log. If it is empty, none is shown.
	RequestID string
}

// AppendHTMLWith is like [Details.AppendHTML], with options.
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
	b = d.appendWait(b)
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

// appendWait appends when to try again, if the header has a Retry-After field.
func (d *Details) appendWait(b []byte) []byte {
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

// inWords returns a wait in words, rounded up.
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

// appendFooter appends a link to the specification of the status code and the id of
// the request. It appends the reason too, unless that is the title.
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

// language returns the first language in Content-Language if it could be a language
// tag, and otherwise English.
func (d *Details) language() string {
	tag, _, _ := strings.Cut(d.Header.Get("Content-Language"), ",")
	if tag = strings.TrimSpace(tag); tag != "" && len(tag) <= 35 && strings.Trim(tag, languageChars) == "" {
		return tag
	}
	return "en"
}

const languageChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"

// appendMembers appends the type, the instance and the named extensions as a list of
// names and values.
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

// appendPageValue appends the JSON of an extension in a readable form.
func appendPageValue(b, raw []byte) []byte {
	raw = bytes.TrimSpace(raw)
	var list []string
	switch {
	case raw[0] == '"':
		var text string
		_ = json.Unmarshal(raw, &text) // a string that was just encoded
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
		// Of deeply nested JSON most of the page would be indentation.
		if bytes.Count(raw, []byte("["))+bytes.Count(raw, []byte("{")) <= 64 && json.Indent(&lines, raw, "", "  ") == nil {
			raw = lines.Bytes()
		}
		return markup.AppendTag(b, "<pre>", string(raw), "</pre>")
	}
	return append(b, raw...) // a number, true, false or null
}

// faultsOf returns the items of an "errors" extension, or nil unless it is a list in
// the form of [Errors] that is not empty.
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
