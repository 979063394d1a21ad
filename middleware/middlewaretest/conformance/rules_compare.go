package conformance

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// compareRules compare the responses to two requests for one target.
var compareRules = []Rule{
	{"head-status", 9110, "9.3.2", Should, "a HEAD has the status of the GET", "handle HEAD as GET: net/http leaves out the body", headStatus},
	{"head-refused", 9110, "9.1", Must, "HEAD is supported where GET is", "register the pattern with GET, which ServeMux also takes for HEAD", headRefused},
	{"head-length", 9110, "8.6", Must, "Content-Length in response to HEAD is the length of the body that a GET has", "handle HEAD as GET: net/http leaves out the body", headLength},
	{"head-fields", 9110, "9.3.2", Should, "a HEAD has the header fields of the GET", "handle HEAD as GET: net/http leaves out the body", headFields},

	{"206-fields", 9110, "15.3.7", Must, "206 has the Date, Cache-Control, ETag, Expires, Content-Location and Vary that the 200 has", "set them before http.ServeContent is called", partialFields},
	{"304-fields", 9110, "15.4.5", Must, "304 has the Cache-Control, Content-Location, Date, ETag, Expires and Vary that the 200 has", "set them before respond.Conditional is called", unmodifiedFields},
	{"304-length", 9110, "8.6", Must, "Content-Length in a 304 is the length of the body that the 200 has", "delete the field; middleware.Normalize does", unmodifiedLength},
	{"precondition", 9110, "13.1.2", Must, "a GET with the present ETag in If-None-Match gets 304", "use respond.Conditional or http.ServeContent; an ETag that is not compared is not worth sending", precondition},

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

// agree reports whether two responses to the same GET are alike enough that a
// HEAD can be compared with one of them.
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
		return fmt.Sprintf("HEAD gets %d, and GET gets %d", head.status, get.status)
	}
	return ""
}

func headRefused(x *exchange) string {
	if head, get, ok := compared(x); ok && get.succeeded() && (head.status == 405 || head.status == 501) {
		return fmt.Sprintf("HEAD gets %d, and GET gets %d", head.status, get.status)
	}
	return ""
}

func headLength(x *exchange) string {
	head, get, ok := compared(x)
	if !ok || head.status != get.status || !head.header.has("Content-Length") || !x.get.whole() || head.status == 304 || head.status == 204 {
		return ""
	}
	if n, ok := contentLength(head.header); ok && n != int64(len(get.body)) {
		return fmt.Sprintf("HEAD gets Content-Length: %d, and GET gets %d bytes", n, len(get.body))
	}
	return ""
}

// sameForHead are fields that do not depend on the making of a body.
var sameForHead = []string{"Accept-Ranges", "Allow", "Cache-Control", "Content-Encoding", "Content-Language", "Content-Location", "Content-Type", "ETag",
	"Last-Modified", "Location", "Retry-After", "Upgrade", "Vary", "WWW-Authenticate", "Proxy-Authenticate"}

// mayLack are fields that a response to HEAD may do without, since net/http and
// others find their value in the body.
var mayLack = []string{"Content-Type", "Content-Encoding", "ETag", "Vary"}

// differs names a field that two headers do not share. Retry-After may count down.
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
		return fmt.Sprintf("HEAD gets %s: %q, and GET gets %q", name, h, g)
	}
	return ""
}

// kept are the fields of a 200 that stay in a 206 and a 304.
var kept = []string{"Date", "Cache-Control", "ETag", "Expires", "Content-Location", "Vary"}

// lost names a field of the plain response that one with less of it lacks.
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
	if !x.has(304) || !x.final.header.has("Content-Length") || x.plain == nil || !x.plain.has(200) || !x.plain.whole() {
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
		return fmt.Sprintf("If-None-Match: %s gets 200 with the same ETag", tag)
	}
	return ""
}

// negotiating are the fields of probes that a response may depend on, and where
// it shows.
var negotiating = []struct{ asked, shown string }{
	{"Accept", "Content-Type"}, {"Accept-Encoding", "Content-Encoding"}, {"Accept-Language", "Content-Language"},
}

func vary(x *exchange) string {
	if x.plain == nil || x.plain.final == nil || x.final == nil || x.final.status != x.plain.final.status || x.request.Method != x.plain.request.Method {
		return ""
	}
	for _, n := range negotiating {
		if x.request.Header.Get(n.asked) == "" || x.plain.request.Header.Get(n.asked) != "" {
			continue
		}
		probed, plain := x.final.header, x.plain.final.header
		if slices.Equal(probed.values(n.shown), plain.values(n.shown)) && (n.asked != "Accept-Language" || bytes.Equal(x.final.body, x.plain.final.body) || !probed.has(n.shown)) {
			continue
		}
		for _, h := range []fields{probed, plain} {
			if !h.lists("Vary", n.asked) && !h.lists("Vary", "*") && !h.lists("Cache-Control", "no-store") {
				return fmt.Sprintf("%s changes with %s, which is not in Vary: %s", n.shown, n.asked, strings.Join(h.values("Vary"), ", "))
			}
		}
	}
	return ""
}
