package problem

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
)

func (l *layout) indexPage() Page {
	b := appendPageHead(nil, "en", "Problem types", 0)
	b = append(b, `<h1>Problem types</h1>
<p class="lead">When a request fails, the answer is a problem document (<a href="https://www.rfc-editor.org/rfc/rfc9457.html">RFC 9457</a>). `+
		`Its type says what went wrong; one that has no type, or about:blank, means what its status code does.</p>
`...)
	b = l.appendTypes(b, l.set, l.index)
	b = append(b, "<h2 id=\"statuses\">Status codes</h2>\n"...)
	class := Class(0)
	for s := range Statuses() {
		if s.Class() != class {
			if class != 0 {
				b = append(b, "</ul></section>\n"...)
			}
			class = s.Class()
			b = append(b, "<section"...)
			b = appendAttr(b, "class", "c"+strconv.Itoa(int(class)))
			b = appendTag(b, "><h3>", capital(class.String()), "</h3>\n")
			b = appendTag(b, "<p>", class.Description(), "</p>\n<ul class=\"codes\">\n")
		}
		b = append(b, "<li>"...)
		href, ok := l.statusHref(s.Code)
		b = appendOpenLink(b, href, ok)
		b = appendTag(b, "<b>", strconv.Itoa(s.Code), "</b> ")
		b = appendEscaped(b, s.Reason)
		b = appendCloseLink(b, ok)
		b = append(b, "</li>\n"...)
	}
	b = append(b, "</ul></section>\n"...)
	return Page{l.index, append(b, pageEnd...), indented(l.forTools(l.set, true))}
}

// sharedPage is that of types whose URIs have the same path.
func (l *layout) sharedPage(path string, types []*Type) Page {
	b := appendPageHead(nil, "en", "Problem types", 0)
	b = l.appendNav(b)
	b = append(b, "<h1>Problem types</h1>\n"...)
	b = l.appendTypes(b, types, path)
	return Page{path, append(b, pageEnd...), indented(l.forTools(types, false))}
}

// appendTypes appends a list of types for the page at the given path, which is
// also where links to some of them lead.
func (l *layout) appendTypes(b []byte, types []*Type, path string) []byte {
	if len(types) == 0 {
		return b
	}
	b = append(b, `<ul class="types">`+"\n"...)
	for _, t := range types {
		b = append(b, "<li"...)
		if p, ok := t.path(); ok && p == path {
			if u, _ := url.Parse(t.URI); u.Fragment != "" {
				b = appendAttr(b, "id", u.Fragment)
			}
		}
		b = appendAttr(b, "class", "c"+strconv.Itoa(int(ClassOf(t.Status))))
		b = append(b, "><h2>"...)
		href, ok := l.href(t)
		b = appendOpenLink(b, href, ok)
		b = appendEscaped(b, t.Title)
		b = appendCloseLink(b, ok)
		b = appendTag(b, " <b>", strconv.Itoa(t.Status), "</b></h2>\n")
		b = appendTag(b, "<code>", t.URI, "</code>\n")
		b = appendParagraphs(b, t.Doc)
		b = append(b, "</li>\n"...)
	}
	return append(b, "</ul>\n"...)
}

func (l *layout) typePage(path string, t *Type) Page {
	b := appendPageHead(nil, "en", t.Title, ClassOf(t.Status))
	b = l.appendNav(b)
	b = appendTag(b, `<h1 dir="auto">`, t.Title, "</h1>\n")
	b = append(b, `<div class="lead">`...)
	b = appendParagraphs(b, t.Doc)
	b = append(b, "</div>\n<dl>\n"...)
	b = appendRow(b, "type", func(b []byte) []byte { return appendEscaped(b, t.URI) })
	b = appendRow(b, "status", func(b []byte) []byte {
		href, ok := l.statusHref(t.Status)
		b = appendOpenLink(b, href, ok)
		b = append(strconv.AppendInt(b, int64(t.Status), 10), ' ')
		b = appendEscaped(b, Nearest(t.Status).Reason)
		return appendCloseLink(b, ok)
	})
	b = append(b, "</dl>\n"...)
	b = appendExample(b, t.New())
	return Page{path, append(b, pageEnd...), indented(t.forTools(""))}
}

func (l *layout) statusPage(path string, s Status) Page {
	b := appendPageHead(nil, "en", s.String(), s.Class())
	b = l.appendNav(b)
	b = appendTag(b, `<p class="code">`, strconv.Itoa(s.Code), "</p>\n")
	b = appendTag(b, "<h1>", s.Reason, "</h1>\n")
	b = appendTag(b, `<p class="lead">`, s.Description, "</p>\n<dl>\n")
	b = appendRow(b, "class", func(b []byte) []byte {
		return appendEscaped(b, capital(s.Class().String())+". "+s.Class().Description())
	})
	if names := s.Aliases(); len(names) > 0 {
		b = appendRow(b, "other names", func(b []byte) []byte { return appendEscaped(b, strings.Join(names, ", ")) })
	}
	b = appendRow(b, "specification", func(b []byte) []byte { return appendLink(b, s.Link(), s.Citation()) })
	b = append(b, "</dl>\n"...)
	if !BodyForbidden(s.Code) {
		b = appendExample(b, New(s.Code))
	}
	return Page{path, append(b, pageEnd...), indented(s.forTools(""))}
}

func (l *layout) appendNav(b []byte) []byte {
	b = append(b, "<nav><a"...)
	b = appendAttr(b, "href", (&url.URL{Path: l.index}).String())
	return append(b, ">Problem types</a></nav>\n"...)
}

// appendExample appends what a client receives.
func appendExample(b []byte, d *Details) []byte {
	doc, _ := d.AppendJSON(nil) // has no extensions, which could fail
	var lines bytes.Buffer
	_ = json.Indent(&lines, doc, "", "  ")
	b = appendTag(b, "<h2>", "What a client receives", "</h2>\n")
	return appendTag(b, "<pre>", lines.String(), "</pre>\n")
}

// appendParagraphs appends a text whose paragraphs are separated by empty
// lines.
func appendParagraphs(b []byte, text string) []byte {
	for p := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			b = appendTag(b, `<p dir="auto">`, p, "</p>\n")
		}
	}
	return b
}

func appendOpenLink(b []byte, href string, ok bool) []byte {
	if !ok {
		return b
	}
	b = append(b, "<a"...)
	return append(appendAttr(b, "href", href), '>')
}

func appendCloseLink(b []byte, ok bool) []byte {
	if !ok {
		return b
	}
	return append(b, "</a>"...)
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
