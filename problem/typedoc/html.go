package typedoc

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/internal/markup"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

func (l *layout) indexPage() Page {
	b := markup.AppendHead(nil, "en", "Problem types", 0)
	b = append(b, `<h1>Problem types</h1>
<p class="lead">When a request fails, the response is a problem document (<a href="https://www.rfc-editor.org/rfc/rfc9457.html">RFC 9457</a>). `+
		`Its type says what went wrong. A document without a type, or with the type about:blank, means the same as its status code.</p>
`...)
	b = l.appendTypes(b, l.types, l.index)
	b = append(b, "<h2 id=\"statuses\">Status codes</h2>\n"...)
	class := status.Class(0)
	for s := range status.All() {
		if s.Class() != class {
			if class != 0 {
				b = append(b, "</ul></section>\n"...)
			}
			class = s.Class()
			b = append(b, "<section"...)
			b = markup.AppendAttr(b, "class", "c"+strconv.Itoa(int(class)))
			b = markup.AppendTag(b, "><h3>", capital(class.String()), "</h3>\n")
			b = markup.AppendTag(b, "<p>", class.Description(), "</p>\n<ul class=\"codes\">\n")
		}
		b = append(b, "<li>"...)
		href, ok := l.statusHref(s.Code)
		b = appendOpenLink(b, href, ok)
		b = markup.AppendTag(b, "<b>", strconv.Itoa(s.Code), "</b> ")
		b = markup.AppendEscaped(b, s.Reason)
		b = appendCloseLink(b, ok)
		b = append(b, "</li>\n"...)
	}
	b = append(b, "</ul></section>\n"...)
	return Page{l.index, append(b, markup.End...), indented(l.newIndexJSON())}
}

// sharedPage returns the page of types whose URIs have the same path.
func (l *layout) sharedPage(path string, types []*problem.Type) Page {
	b := markup.AppendHead(nil, "en", "Problem types", 0)
	b = l.appendNav(b)
	b = append(b, "<h1>Problem types</h1>\n"...)
	b = l.appendTypes(b, types, path)
	return Page{path, append(b, markup.End...), indented(l.newTypesJSON(types))}
}

// appendTypes appends a list of types to the page at the given path. An item has an id
// if the URI of its type leads to that page with a fragment.
func (l *layout) appendTypes(b []byte, types []*problem.Type, path string) []byte {
	if len(types) == 0 {
		return b
	}
	b = append(b, `<ul class="types">`+"\n"...)
	for _, t := range types {
		b = append(b, "<li"...)
		if p, ok := pathOf(t); ok && p == path {
			if u, _ := url.Parse(t.URI); u.Fragment != "" {
				b = markup.AppendAttr(b, "id", u.Fragment)
			}
		}
		b = markup.AppendAttr(b, "class", "c"+strconv.Itoa(int(status.ClassOf(t.Status))))
		b = append(b, "><h2>"...)
		href, ok := l.href(t)
		b = appendOpenLink(b, href, ok)
		b = markup.AppendEscaped(b, t.Title)
		b = appendCloseLink(b, ok)
		b = markup.AppendTag(b, " <b>", strconv.Itoa(t.Status), "</b></h2>\n")
		b = markup.AppendTag(b, "<code>", t.URI, "</code>\n")
		b = appendParagraphs(b, t.Doc)
		b = append(b, "</li>\n"...)
	}
	return append(b, "</ul>\n"...)
}

func (l *layout) typePage(path string, t *problem.Type) Page {
	b := markup.AppendHead(nil, "en", t.Title, status.ClassOf(t.Status))
	b = l.appendNav(b)
	b = markup.AppendTag(b, `<h1 dir="auto">`, t.Title, "</h1>\n")
	b = append(b, `<div class="lead">`...)
	b = appendParagraphs(b, t.Doc)
	b = append(b, "</div>\n<dl>\n"...)
	b = markup.AppendRow(b, "type", func(b []byte) []byte { return markup.AppendEscaped(b, t.URI) })
	b = markup.AppendRow(b, "status", func(b []byte) []byte {
		href, ok := l.statusHref(t.Status)
		b = appendOpenLink(b, href, ok)
		b = append(strconv.AppendInt(b, int64(t.Status), 10), ' ')
		b = markup.AppendEscaped(b, status.Nearest(t.Status).Reason)
		return appendCloseLink(b, ok)
	})
	b = append(b, "</dl>\n"...)
	b = appendTypeMembers(b, t.Members)
	b = appendExample(b, t.Sample())
	return Page{path, append(b, markup.End...), indented(newTypeJSON(t, ""))}
}

func (l *layout) statusPage(path string, s status.Info) Page {
	b := markup.AppendHead(nil, "en", s.String(), s.Class())
	b = l.appendNav(b)
	b = markup.AppendTag(b, `<p class="code">`, strconv.Itoa(s.Code), "</p>\n")
	b = markup.AppendTag(b, "<h1>", s.Reason, "</h1>\n")
	b = markup.AppendTag(b, `<p class="lead">`, s.Description, "</p>\n<dl>\n")
	b = markup.AppendRow(b, "class", func(b []byte) []byte {
		return markup.AppendEscaped(b, capital(s.Class().String())+". "+s.Class().Description())
	})
	if names := s.Aliases(); len(names) > 0 {
		b = markup.AppendRow(b, "other names", func(b []byte) []byte { return markup.AppendEscaped(b, strings.Join(names, ", ")) })
	}
	if fields := append(slices.Clone(s.RequiredHeader()), s.ExpectedHeader()...); len(fields) > 0 {
		b = markup.AppendRow(b, "header", func(b []byte) []byte { return markup.AppendEscaped(b, strings.Join(fields, ", ")) })
	}
	b = markup.AppendRow(b, "specification", func(b []byte) []byte { return markup.AppendLink(b, s.Link(), s.Citation()) })
	b = append(b, "</dl>\n"...)
	if !status.BodyForbidden(s.Code) {
		b = appendExample(b, problem.New(s.Code))
	}
	return Page{path, append(b, markup.End...), indented(newStatusJSON(s, ""))}
}

func (l *layout) appendNav(b []byte) []byte {
	b = append(b, "<nav><a"...)
	b = markup.AppendAttr(b, "href", (&url.URL{Path: l.index}).String())
	return append(b, ">Problem types</a></nav>\n"...)
}

// appendTypeMembers appends the members that a type declares.
func appendTypeMembers(b []byte, members []problem.Member) []byte {
	if len(members) == 0 {
		return b
	}
	b = markup.AppendTag(b, "<h2>", "Additional members", "</h2>\n<dl>\n")
	for _, m := range members {
		b = markup.AppendRow(b, m.Name, func(b []byte) []byte { return markup.AppendEscaped(b, m.Doc) })
	}
	return append(b, "</dl>\n"...)
}

// appendExample appends a problem as a client receives it.
func appendExample(b []byte, d *problem.Details) []byte {
	doc, _ := d.AppendJSON(nil) // complete even after an error
	var lines bytes.Buffer
	_ = json.Indent(&lines, doc, "", "  ")
	b = markup.AppendTag(b, "<h2>", "What a client receives", "</h2>\n")
	return markup.AppendTag(b, "<pre>", lines.String(), "</pre>\n")
}

// appendParagraphs appends a text whose paragraphs are separated by empty lines.
func appendParagraphs(b []byte, text string) []byte {
	for p := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			b = markup.AppendTag(b, `<p dir="auto">`, p, "</p>\n")
		}
	}
	return b
}

func appendOpenLink(b []byte, href string, ok bool) []byte {
	if !ok {
		return b
	}
	b = append(b, "<a"...)
	return append(markup.AppendAttr(b, "href", href), '>')
}

func appendCloseLink(b []byte, ok bool) []byte {
	if !ok {
		return b
	}
	return append(b, "</a>"...)
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
