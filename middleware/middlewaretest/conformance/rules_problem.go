package conformance

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// problemRules are about problem documents.
var problemRules = []Rule{
	{"problem-type-field", 9457, "3", Should, "a problem document has the media type application/problem+json", "use respond.Problem or respond.Error", unmarked},
	{"problem-json", 9457, "3", Must, "application/problem+json is one JSON object in UTF-8", "use respond.Problem or respond.Error", problemJSON},
	{"problem-bom", 8259, "8.1", Must, "JSON does not begin with a byte order mark", "encode the document with encoding/json, which writes none", problemBOM},
	{"problem-duplicate", 8259, "4", Should, "the names in an object are unique", "use problem.Extension, whose names replace each other", problemDuplicate},
	{"problem-members", 9457, "3.1", Must, "type, title, detail and instance are strings, and status is a number", "use problem.New or problem.Define", problemMembers},
	{"problem-status", 9457, "3.1.2", Must, "status is the status code of the response", "use respond.Problem, which sets both", problemStatus},
	{"problem-type", 9457, "3.1.1", Must, "type is a URI reference", "define the type with problem.Define, which refuses other text", problemURI("type")},
	{"problem-type-relative", 9457, "3.1.1", Should, "type is absolute, or has the full path", "define the type with an absolute URI", problemRelative("type")},
	{"problem-instance", 9457, "3.1.5", Must, "instance is a URI reference", "use problem.Instance", problemURI("instance")},
	{"problem-instance-relative", 9457, "3.1.5", Should, "instance is absolute, or has the full path", "use problem.Instance with an absolute URI or a path", problemRelative("instance")},
	{"problem-title", 9457, "4.2.1", Should, "the title of about:blank is the reason of the status code", "leave the title to problem.New, or define a type", problemTitle},
	{"problem-extension", 9457, "4", Should, "the name of an extension has three or more letters, digits and underscores and begins with a letter", "rename the extension", problemExtension},
	{"problem-xml", 9457, "B", Must, "application/problem+xml is one element named problem, and all elements are in the namespace urn:ietf:rfc:7807", "use respond.Problem, which also writes XML", problemXML},
	{"stack-trace", 9457, "5", Should, "an error has no stack trace", "send nothing that recover or debug.Stack returns; middleware.Normalize logs it", stackTrace},
}

// unmarked finds a document with the members of a problem under another media type.
func unmarked(x *exchange) string {
	m := x.final
	if m == nil || !m.failed() {
		return ""
	}
	for _, other := range []string{"application/json", "text/json", "text/plain"} {
		body := x.bodyOf(other)
		if body == nil {
			continue
		}
		doc := readDocument(body)
		if doc.err != nil {
			return ""
		}
		_, title := doc.text("title")
		uri, typed := doc.text("type")
		_, status := doc.members["status"].(json.Number)
		if title && typed && status && isReference(uri) {
			return "a document with type, title and status is " + m.header.get("Content-Type")
		}
	}
	return ""
}

func problemJSON(x *exchange) string {
	if doc := x.problem(); doc != nil && doc.err != nil {
		return doc.err.Error()
	}
	return ""
}

func problemBOM(x *exchange) string {
	if bytes.HasPrefix(x.bodyOf("application/problem+json"), []byte("\ufeff")) {
		return "the body begins with one"
	}
	return ""
}

func problemDuplicate(x *exchange) string {
	if doc := x.problem(); doc != nil && len(doc.duplicates) > 0 {
		return fmt.Sprintf("%q is there twice", doc.duplicates[0])
	}
	return ""
}

func problemMembers(x *exchange) string {
	doc := x.problem()
	if doc == nil || doc.err != nil {
		return ""
	}
	for _, name := range []string{"type", "title", "detail", "instance"} {
		if v, ok := doc.members[name]; ok {
			if _, ok := v.(string); !ok {
				return fmt.Sprintf("%s is %v", name, v)
			}
		}
	}
	if v, ok := doc.members["status"]; ok {
		n, ok := v.(json.Number)
		if code, err := strconv.Atoi(n.String()); !ok || err != nil || code < 100 || code > 599 {
			return fmt.Sprintf("status is %v", v)
		}
	}
	return ""
}

func problemStatus(x *exchange) string {
	doc := x.problem()
	if doc == nil || doc.err != nil {
		return xmlStatus(x)
	}
	if n, ok := doc.members["status"].(json.Number); ok && n.String() != strconv.Itoa(x.final.status) {
		return fmt.Sprintf("status is %v in the document", n)
	}
	return ""
}

func problemURI(member string) func(*exchange) string {
	return func(x *exchange) string {
		if s, ok := x.problem().text(member); ok && !isReference(s) {
			return fmt.Sprintf("%s is %q", member, s)
		}
		return ""
	}
}

// problemRelative finds a reference whose meaning depends on the path of the resource.
func problemRelative(member string) func(*exchange) string {
	return func(x *exchange) string {
		if s, ok := x.problem().text(member); ok && s != "" && isReference(s) && !strings.HasPrefix(s, "/") && !scheme.MatchString(s) {
			return fmt.Sprintf("%s is %q", member, s)
		}
		return ""
	}
}

var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.\-]*:`)

// reasons has the reasons of present and former registries that net/http does not
// know.
var reasons = map[int][]string{
	302: {"Moved Temporarily"},
	306: {"(Unused)", "Unused"},
	413: {"Content Too Large", "Payload Too Large"},
	414: {"URI Too Long"},
	416: {"Range Not Satisfiable"},
	418: {"(Unused)"},
	422: {"Unprocessable Content"},
}

// problemTitle accepts a title in another language, and any title for a code without a
// registered reason.
func problemTitle(x *exchange) string {
	doc := x.problem()
	if doc == nil || doc.err != nil {
		return ""
	}
	if uri, typed := doc.text("type"); typed && uri != "about:blank" {
		return ""
	}
	title, there := doc.text("title")
	reason := http.StatusText(x.final.status)
	switch {
	case !there, title == "":
		return "there is no title"
	case reason == "", strings.EqualFold(title, reason), slices.ContainsFunc(reasons[x.final.status], func(s string) bool { return strings.EqualFold(title, s) }):
		return ""
	case x.final.header.has("Content-Language") && !strings.HasPrefix(strings.ToLower(x.final.header.get("Content-Language")), "en"):
		return ""
	}
	return fmt.Sprintf("title is %q, and the reason %q", title, reason)
}

// registered are names of extensions that a specification defines against the rule.
var registered = []string{"violated-policies"} // of the RateLimit header fields

var extensionName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{2,}$`)

func problemExtension(x *exchange) string {
	doc := x.problem()
	if doc == nil || doc.err != nil {
		return ""
	}
	var bad []string
	for name := range doc.members {
		if !extensionName.MatchString(name) && !slices.Contains(registered, name) {
			bad = append(bad, name)
		}
	}
	slices.Sort(bad)
	if len(bad) > 0 {
		return fmt.Sprintf("%q", bad)
	}
	return ""
}

func problemXML(x *exchange) string {
	body := x.bodyOf("application/problem+xml")
	if body == nil {
		return ""
	}
	seen := ""
	roots := 0
	err := readXML(body, func(depth int, name xml.Name, _ string) {
		if depth == 0 {
			roots++
		}
		if seen == "" && (depth == 0 && name.Local != "problem" || name.Space != problemNamespace) {
			seen = fmt.Sprintf("element %s is in the namespace %q", name.Local, name.Space)
		}
	})
	switch {
	case err != nil:
		return err.Error()
	case roots != 1:
		return fmt.Sprintf("the document has %d elements at its top", roots)
	}
	return seen
}

func xmlStatus(x *exchange) string {
	body := x.bodyOf("application/problem+xml")
	seen := ""
	_ = readXML(body, func(depth int, name xml.Name, text string) {
		if depth == 1 && name.Local == "status" && strings.TrimSpace(text) != strconv.Itoa(x.final.status) {
			seen = fmt.Sprintf("status is %q in the document", text)
		}
	})
	return seen
}

// stack matches the beginning of what Go prints of a goroutine.
var stack = regexp.MustCompile(`goroutine \d+ \[[a-z ,0-9]+\]:|\.go:\d+ \+0x[0-9a-f]+|panic\.go:\d+`)

func stackTrace(x *exchange) string {
	m := x.final
	if m == nil || !m.failed() {
		return ""
	}
	body, _ := m.decoded()
	if found := stack.Find(body); found != nil {
		return fmt.Sprintf("the body has %q", found)
	}
	return ""
}
