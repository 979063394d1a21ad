package conformance

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// statusRules are about what a status code or a method requires.
var statusRules = []Rule{
	// methods
	{"get-implemented", 9110, "9.1", Must, "GET and HEAD are implemented", viaGet, getImplemented},
	{"options-allow", 9110, "9.3.7", Should, "a successful response to OPTIONS names what the resource supports, such as its methods in Allow", "set Allow to the methods of the resource", optionsAllow},

	// 1xx, 2xx
	{"101-upgrade", 9110, "15.2.2", Must, "101 names the new protocol in Upgrade", "set Upgrade; middleware.Normalize sends 500 in place of a 101 without it", lacks(101, "Upgrade")},
	{"101-unasked", 9110, "7.8", Must, "101 switches to a protocol that the Upgrade of the request names", "compare with the Upgrade of the request before the connection is hijacked", unaskedUpgrade},
	{"201-location", 9110, "9.3.3", Should, "201 in response to POST has the address of the new resource in Location", "use respond.Created", createdLocation},
	{"206-range", 9110, "15.3.7.1", Must, "206 with one part has a Content-Range", "use http.ServeContent", partialRange},
	{"206-parts", 9110, "15.3.7.2", Must, "206 with several parts has the type multipart/byteranges with a boundary, and Content-Range in the parts only", "use http.ServeContent", partialParts},
	{"206-unasked", 9110, "15.3.7", Must, "206 responds to a request with Range", "send 200 to other requests, as http.ServeContent does", partialUnasked},
	{"206-single", 9110, "15.3.7.2", Must, "a request for one range gets no multipart response", "use http.ServeContent", partialSingle},
	{"range-syntax", 9110, "14.4", Must, "Content-Range has a unit, a range within the length, and the length", "use http.ServeContent", rangeSyntax},
	{"range-length", 9110, "14.4", Must, "the body of a 206 is as long as its Content-Range says", "use http.ServeContent", rangeLength},

	// 3xx
	{"301-location", 9110, "15.4.2", Should, "301 has a Location", "use respond.Redirect", lacks(301, "Location")},
	{"302-location", 9110, "15.4.3", Should, "302 has a Location", "use respond.Redirect", lacks(302, "Location")},
	{"303-location", 9110, "15.4.4", Should, "303 has a Location", "use respond.Redirect", lacks(303, "Location")},
	{"307-location", 9110, "15.4.8", Should, "307 has a Location", "use respond.Redirect", lacks(307, "Location")},
	{"308-location", 9110, "15.4.9", Should, "308 has a Location", "use respond.Redirect", lacks(308, "Location")},
	{"304-unasked", 9110, "15.4.5", Must, "304 responds to a conditional GET or HEAD", "use respond.Conditional", unmodifiedUnasked},
	{"304-metadata", 9110, "15.4.5", Should, "304 has no Content-Type, Content-Encoding, Content-Language or Content-Range", "use respond.NotModified, or middleware.Normalize, which removes them", unmodifiedMetadata},
	{"305-deprecated", 9110, "15.4.6", Should, "305 is not sent", "send 307 or 403", deprecated(305)},
	{"306-reserved", 9110, "15.4.7", Should, "306 is not sent", "send another code", deprecated(306)},

	// 4xx, 5xx
	{"400-explained", 9110, "15.5", Should, "4xx explains the error in a body", "use respond.Error, or put middleware.Normalize around the handler", explained(4)},
	{"401-challenge", 9110, "15.5.2", Must, "401 has a WWW-Authenticate", "use problem.Challenge with respond.Error, or NormalizeOptions.Challenges", lacks(401, "WWW-Authenticate")},
	{"405-allow", 9110, "15.5.6", Must, "405 has an Allow", "use problem.Allow with respond.Error, or let ServeMux refuse the method", lacks(405, "Allow")},
	{"405-allowed", 9110, "15.5.6", Must, "the method that 405 refuses is not in its Allow", "name the methods that the resource supports", refusedAllowed},
	{"407-challenge", 9110, "15.5.8", Must, "407 has a Proxy-Authenticate", "use problem.Challenge with respond.Error", lacks(407, "Proxy-Authenticate")},
	{"416-range", 9110, "15.5.17", Should, "416 has the length of the resource in Content-Range, as in bytes */1000", "use http.ServeContent", lacks(416, "Content-Range")},
	{"426-upgrade", 9110, "15.5.22", Must, "426 names the protocol in Upgrade", "use problem.Upgrade with respond.Error, or NormalizeOptions.Upgrade", upgradeRequired},
	{"428-stored", 6585, "3", Must, "no cache may store 428", "set Cache-Control to no-store, as respond.Error does", stored(428)},
	{"429-stored", 6585, "4", Must, "no cache may store 429", "set Cache-Control to no-store, as respond.Error does", stored(429)},
	{"431-stored", 6585, "5", Must, "no cache may store 431", "set Cache-Control to no-store, as respond.Error does", stored(431)},
	{"451-link", 7725, "4", Should, "451 has a Link with the relation blocked-by to the entity that implements the blocking", `add Link: <https://example.com/>; rel="blocked-by"`, blockedBy},
	{"500-explained", 9110, "15.6", Should, "5xx explains the error in a body", "use respond.Error, or put middleware.Normalize around the handler", explained(5)},
	{"511-stored", 6585, "6", Must, "no cache may store 511", "set Cache-Control to no-store, as respond.Error does", stored(511)},
	{"511-origin", 6585, "6", Should, "511 is sent by a proxy that controls access to a network, not by an origin server", "send 401 or 403", deprecated(511)},
	{"511-challenge", 6585, "6", Should, "511 has no challenge", "link to the page on which the user logs in, and remove the challenge", networkChallenge},
}

// lacks returns a check for a header field that a status requires.
func lacks(status int, name string) func(*exchange) string {
	return func(x *exchange) string {
		if x.has(status) && x.final.header.get(name) == "" && !(name == "Allow" && x.final.header.has(name)) { // an empty Allow names no method, which is permitted
			return fmt.Sprintf("%d without %s", status, name)
		}
		return ""
	}
}

func deprecated(status int) func(*exchange) string {
	return func(x *exchange) string {
		if x.has(status) {
			return fmt.Sprintf("the status is %d", status)
		}
		return ""
	}
}

// explained returns a check for the body of errors of a class.
func explained(class int) func(*exchange) string {
	return func(x *exchange) string {
		if m := x.final; m != nil && m.status/100 == class && !m.bodyless && len(m.body) == 0 && x.complete() {
			return "the body is empty"
		}
		return ""
	}
}

// stored returns a check for fields that permit a cache to store a response. Without
// them no cache does (RFC 9111, section 3), since none of these codes is cacheable by
// default.
func stored(status int) func(*exchange) string {
	return func(x *exchange) string {
		if !x.has(status) {
			return ""
		}
		h := x.final.header
		if h.lists("Cache-Control", "no-store") {
			return ""
		}
		for _, d := range h.list("Cache-Control") {
			if name, _, _ := strings.Cut(strings.ToLower(d), "="); slices.Contains([]string{"public", "private", "max-age", "s-maxage"}, name) {
				return "Cache-Control: " + d
			}
		}
		if t, ok := parseDate(h.get("Expires")); ok && !t.IsZero() {
			if date, ok := parseDate(h.get("Date")); ok && t.After(date) {
				return "Expires: " + h.get("Expires")
			}
		}
		return ""
	}
}

func getImplemented(x *exchange) string {
	if method := x.request.Method; x.has(501) && (method == http.MethodGet || method == http.MethodHead) {
		return method + " is not implemented"
	}
	return ""
}

func optionsAllow(x *exchange) string {
	m := x.final
	if x.request.Method != http.MethodOptions || m == nil || !m.succeeded() {
		return ""
	}
	for _, f := range m.header {
		if name := strings.ToLower(f.name); name == "allow" || name == "dav" || name == "ms-author-via" || strings.HasPrefix(name, "accept-") || strings.HasPrefix(name, "access-control-") {
			return ""
		}
	}
	return "there is no Allow, nor any other field about what is supported"
}

func unaskedUpgrade(x *exchange) string {
	if !x.has(101) {
		return ""
	}
	requested := elements(x.request.Header.Get("Upgrade"))
	for _, p := range x.final.header.list("Upgrade") {
		if !slices.ContainsFunc(requested, func(a string) bool { return strings.EqualFold(a, p) }) {
			return fmt.Sprintf("the request has Upgrade: %s, and the response %s", x.request.Header.Get("Upgrade"), p)
		}
	}
	return ""
}

func createdLocation(x *exchange) string {
	if x.request.Method == http.MethodPost {
		return lacks(201, "Location")(x)
	}
	return ""
}

// isParts reports whether the body is of the type multipart/byteranges.
func (m *message) isParts() bool {
	name, _, _ := mediaType(m.header.get("Content-Type"))
	return name == "multipart/byteranges"
}

func partialRange(x *exchange) string {
	if x.has(206) && !x.final.isParts() {
		return lacks(206, "Content-Range")(x)
	}
	return ""
}

func partialParts(x *exchange) string {
	if !x.has(206) || !x.final.isParts() {
		return ""
	}
	if _, params, _ := mediaType(x.final.header.get("Content-Type")); params["boundary"] == "" {
		return "there is no boundary"
	}
	if x.final.header.has("Content-Range") {
		return "Content-Range is in the header"
	}
	return ""
}

func partialUnasked(x *exchange) string {
	if x.has(206) && (x.request.Header.Get("Range") == "" || x.request.Method != http.MethodGet) {
		return fmt.Sprintf("the request is a %s with Range: %q", x.request.Method, x.request.Header.Get("Range"))
	}
	return ""
}

func partialSingle(x *exchange) string {
	if r := x.request.Header.Get("Range"); x.has(206) && x.final.isParts() && r != "" && !strings.Contains(r, ",") {
		return "the response has the type multipart/byteranges"
	}
	return ""
}

func rangeSyntax(x *exchange) string {
	if !x.has(206) && !x.has(416) || !x.final.header.has("Content-Range") {
		return ""
	}
	value := x.final.header.get("Content-Range")
	found := byteRange.FindStringSubmatch(value)
	if !strings.HasPrefix(value, "bytes") { // another unit has another form
		if unit, _, ok := strings.Cut(value, " "); ok && isToken(unit) {
			return ""
		}
	}
	bad := "Content-Range: " + value
	switch {
	case found == nil, x.has(206) == (found[4] != ""):
		return bad
	case x.has(416):
		return ""
	}
	first, _ := strconv.ParseInt(found[1], 10, 64)
	last, _ := strconv.ParseInt(found[2], 10, 64)
	length, err := strconv.ParseInt(found[3], 10, 64)
	if first > last || err == nil && last >= length {
		return bad
	}
	return ""
}

func rangeLength(x *exchange) string {
	if !x.has(206) || !x.complete() || x.final.bodyless {
		return ""
	}
	found := byteRange.FindStringSubmatch(x.final.header.get("Content-Range"))
	if found == nil || found[4] != "" {
		return ""
	}
	first, _ := strconv.ParseInt(found[1], 10, 64)
	last, _ := strconv.ParseInt(found[2], 10, 64)
	if n := int64(len(x.final.body)); n != last-first+1 {
		return fmt.Sprintf("%s, and the body has %d bytes", found[0], n)
	}
	return ""
}

func unmodifiedUnasked(x *exchange) string {
	if !x.has(304) {
		return ""
	}
	r := x.request
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != "QUERY" {
		return "the method is " + r.Method
	}
	if r.Header.Get("If-None-Match") == "" && r.Header.Get("If-Modified-Since") == "" {
		return "the request has no condition"
	}
	return ""
}

func unmodifiedMetadata(x *exchange) string {
	if x.has(304) {
		for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Language", "Content-Range"} {
			if x.final.header.has(name) {
				return name + ": " + x.final.header.get(name)
			}
		}
	}
	return ""
}

func refusedAllowed(x *exchange) string {
	if x.has(405) && slices.Contains(x.final.header.list("Allow"), x.request.Method) {
		return fmt.Sprintf("%s is in Allow: %s", x.request.Method, x.final.header.get("Allow"))
	}
	return ""
}

// upgradeRequired is not for HTTP/2, where no Upgrade may be (RFC 9113, section 8.2.2).
func upgradeRequired(x *exchange) string {
	if x.protocol == HTTP2 {
		return ""
	}
	return lacks(426, "Upgrade")(x)
}

func blockedBy(x *exchange) string {
	if x.has(451) && !slices.ContainsFunc(x.final.header.values("Link"), func(v string) bool { return strings.Contains(v, "blocked-by") }) {
		return "no Link has the relation blocked-by"
	}
	return ""
}

func networkChallenge(x *exchange) string {
	if x.has(511) && (x.final.header.has("WWW-Authenticate") || x.final.header.has("Proxy-Authenticate")) {
		return "511 has a challenge"
	}
	return ""
}
