package conformance

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// viaGet is how to fix a HEAD.
const viaGet = "route HEAD to the handler of GET, as ServeMux does, and chi with middleware.GetHead: net/http leaves out the body"

// compareRules compare the responses to two requests for one target.
var compareRules = []Rule{
	{"head-status", 9110, "9.3.2", Should, "a HEAD has the status of the GET", viaGet, headStatus},
	{"head-refused", 9110, "9.1", Must, "HEAD is supported where GET is", viaGet, headRefused},
	{"head-length", 9110, "8.6", Must, "Content-Length in response to HEAD is the length of the body that a GET has", viaGet, headLength},
	{"head-fields", 9110, "9.3.2", Should, "a HEAD has the header fields of the GET", viaGet, headFields},

	{"206-fields", 9110, "15.3.7", Must, "206 has the Date, Cache-Control, ETag, Expires, Content-Location and Vary that the 200 has", "set them before http.ServeContent is called", partialFields},
	{"304-fields", 9110, "15.4.5", Must, "304 has the Cache-Control, Content-Location, Date, ETag, Expires and Vary that the 200 has", "set them before respond.Conditional is called", unmodifiedFields},
	{"304-length", 9110, "8.6", Must, "Content-Length in a 304 is the length of the body that the 200 has", "delete the field, as middleware.Normalize does", unmodifiedLength},
	{"precondition", 9110, "13.1.2", Must, "the response to a GET with the current ETag in If-None-Match is 304", "use respond.Conditional or http.ServeContent, which compare the ETag", precondition},

	{"vary", 9110, "12.5.5", Should, "a response that a cache may store names in Vary the fields of the request that it depends on", "use respond.Vary", vary},
}

// judgeHead returns the rules about HEAD that an exchange breaks.
func judgeHead(x *exchange) (broken []string) {
	for _, r := range compareRules {
		if strings.HasPrefix(r.ID, "head-") && r.check(x) != "" {
			broken = append(broken, r.ID)
		}
	}
	return broken
}

// agree reports whether two responses to the same GET are alike, so that a HEAD can be
// compared with them.
func agree(a, b *message) bool {
	if a.status != b.status || len(a.body) != len(b.body) {
		return false
	}
	return differs(a.header, b.header) == ""
}

// compared returns the responses to a HEAD and to the GET.
func compared(x *exchange) (head, get *message, ok bool) {
	if x.get == nil || x.get.final == nil || x.final == nil {
		return nil, nil, false
	}
	return x.final, x.get.final, true
}

func headStatus(x *exchange) string {
	if head, get, ok := compared(x); ok && head.status != get.status && headRefused(x) == "" {
		return fmt.Sprintf("HEAD has status %d, and GET %d", head.status, get.status)
	}
	return ""
}

func headRefused(x *exchange) string {
	if head, get, ok := compared(x); ok && get.succeeded() && (head.status == 404 || head.status == 405 || head.status == 501) {
		return fmt.Sprintf("HEAD has status %d, and GET %d", head.status, get.status)
	}
	return ""
}

func headLength(x *exchange) string {
	head, get, ok := compared(x)
	if !ok || head.status != get.status || !head.header.has("Content-Length") || !x.get.complete() || head.status == 304 || head.status == 204 {
		return ""
	}
	if n, ok := contentLength(head.header); ok && n != int64(len(get.body)) {
		return fmt.Sprintf("HEAD has Content-Length: %d, and GET a body of %d bytes", n, len(get.body))
	}
	return ""
}

// sameForHead are fields whose values do not depend on whether a body is sent.
var sameForHead = []string{"Accept-Ranges", "Allow", "Cache-Control", "Content-Encoding", "Content-Language", "Content-Location", "Content-Type", "ETag",
	"Last-Modified", "Location", "Retry-After", "Upgrade", "Vary", "WWW-Authenticate", "Proxy-Authenticate"}

// mayLack are fields that the response to a HEAD may lack, since net/http and others
// compute them from the body (RFC 9110, section 9.3.2).
var mayLack = []string{"Content-Type", "Content-Encoding", "ETag", "Vary"}

// differs returns the name of a field that differs between two headers, or "".
// Retry-After may count down.
func differs(a, b fields) string {
	for _, name := range sameForHead {
		if va, vb := a.values(name), b.values(name); !slices.Equal(va, vb) && !(name == "Retry-After" && len(va) == len(vb)) {
			return name
		}
	}
	return ""
}

func headFields(x *exchange) string {
	head, get, ok := compared(x)
	if !ok || head.status != get.status {
		return ""
	}
	for _, name := range sameForHead {
		h, g := head.header.values(name), get.header.values(name)
		if slices.Equal(h, g) || len(h) == 0 && slices.Contains(mayLack, name) || name == "Retry-After" && len(h) == len(g) {
			continue
		}
		return fmt.Sprintf("HEAD has %s: %q, and GET %q", name, h, g)
	}
	return ""
}

// kept are the fields of a 200 that a 206 and a 304 have as well.
var kept = []string{"Date", "Cache-Control", "ETag", "Expires", "Content-Location", "Vary"}

// lost names a field of the plain 200 that a response with the status lacks.
func lost(x *exchange, status int) string {
	if !x.has(status) || x.plain == nil || !x.plain.has(200) {
		return ""
	}
	for _, name := range kept {
		if x.plain.final.header.has(name) && !x.final.header.has(name) {
			return fmt.Sprintf("it lacks %s, which the 200 has", name)
		}
	}
	return ""
}

func partialFields(x *exchange) string    { return lost(x, 206) }
func unmodifiedFields(x *exchange) string { return lost(x, 304) }

func unmodifiedLength(x *exchange) string {
	if !x.has(304) || !x.final.header.has("Content-Length") || x.plain == nil || !x.plain.has(200) || !x.plain.complete() {
		return ""
	}
	if n, ok := contentLength(x.final.header); ok && n != int64(len(x.plain.final.body)) {
		return fmt.Sprintf("Content-Length: %d, and the 200 has %d bytes", n, len(x.plain.final.body))
	}
	return ""
}

func precondition(x *exchange) string {
	tag := x.request.Header.Get("If-None-Match")
	if tag != "" && x.request.Method == http.MethodGet && x.has(200) && x.plain != nil && x.plain.has(200) && x.final.header.get("ETag") == tag {
		return fmt.Sprintf("the response to If-None-Match: %s is 200 with the same ETag", tag)
	}
	return ""
}

// negotiating has the fields of requests that a response may depend on, and the field
// of the response that shows it.
var negotiating = []struct{ request, response string }{
	{"Accept", "Content-Type"}, {"Accept-Encoding", "Content-Encoding"}, {"Accept-Language", "Content-Language"},
}

func vary(x *exchange) string {
	if x.plain == nil || x.plain.final == nil || x.final == nil || x.final.status != x.plain.final.status || x.request.Method != x.plain.request.Method {
		return ""
	}
	for _, n := range negotiating {
		if x.request.Header.Get(n.request) == "" || x.plain.request.Header.Get(n.request) != "" {
			continue
		}
		probed, plain := x.final.header, x.plain.final.header
		if slices.Equal(probed.values(n.response), plain.values(n.response)) && (n.request != "Accept-Language" || bytes.Equal(x.final.body, x.plain.final.body) || !probed.has(n.response)) {
			continue
		}
		for _, h := range []fields{probed, plain} {
			if !h.lists("Vary", n.request) && !h.lists("Vary", "*") && !h.lists("Cache-Control", "no-store") {
				return fmt.Sprintf("%s changes with %s, which is not in Vary: %s", n.response, n.request, strings.Join(h.values("Vary"), ", "))
			}
		}
	}
	return ""
}
