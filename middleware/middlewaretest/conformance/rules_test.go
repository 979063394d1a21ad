package conformance_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/middlewaretest/conformance"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// broken returns the rules that a server breaks.
func broken(t *testing.T, address string, o conformance.Options) (ids []string) {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	found, err := conformance.Check(t.Context(), address, o)
	require.NoError(t, err)
	for _, f := range found {
		ids = append(ids, f.Rule.ID)
		assert.NotEmpty(t, f.String())
	}
	return ids
}

const (
	ok     = "HTTP/1.1 200 OK\nDate: DATE\nContent-Type: text/plain\n"
	plain  = ok + "Content-Length: 2\n\nhi"
	failed = "\nDate: DATE\nContent-Type: text/plain\nContent-Length: 2\n"
)

// reply is a response with a status and fields, and two bytes of text.
func reply(status string, fields ...string) string {
	return "HTTP/1.1 " + status + failed + lines(fields) + "\nhi"
}

// with is a success with further fields.
func with(fields ...string) string { return ok + "Content-Length: 2\n" + lines(fields) + "\nhi" }

func lines(fields []string) (text string) {
	for _, f := range fields {
		text += f + "\n"
	}
	return text
}

// problem is a 404 with a document of a media type.
func problem(mediaType, body string) string {
	return fmt.Sprintf("HTTP/1.1 404 Not Found\nDate: DATE\nCache-Control: no-store\nContent-Type: %s\nContent-Length: %d\n\n%s", mediaType, len(body), body)
}

func document(members string) string { return problem("application/problem+json", "{"+members+"}") }

const (
	rightDocument = `"type":"https://example.com/t","title":"Out of credit","status":404,"detail":"d","instance":"/i/1","balance":30`
	rightXML      = `<problem xmlns="urn:ietf:rfc:7807"><status>404</status><list><i>1</i></list></problem>`
)

// tagged is a 200 with a validator and what a cache needs.
const tagged = "HTTP/1.1 200 OK\nDate: DATE\nContent-Type: text/plain\nETag: \"1\"\nCache-Control: max-age=60\nVary: Accept\n"

// notModified is what a right server sends for it.
const notModified = "HTTP/1.1 304 Not Modified\nDate: DATE\nETag: \"1\"\nCache-Control: max-age=60\nVary: Accept\n"

// ranged is a resource of ten bytes that can be had in part.
func ranged(partial string) wire {
	whole := "HTTP/1.1 200 OK\nDate: DATE\nContent-Type: text/plain\nContent-Length: 10\nAccept-Ranges: bytes\nCache-Control: no-cache\n\n0123456789"
	return wire{"": whole, "GET Range": partial}
}

func part(fields ...string) string {
	return "HTTP/1.1 206 Partial Content\nDate: DATE\nContent-Length: 1\nCache-Control: no-cache\n" + lines(fields) + "\n0"
}

var options = wire{"OPTIONS": "HTTP/1.1 204 No Content\nDate: DATE\nAllow: GET, HEAD, OPTIONS\n\n"}

// get is a server that sends the bytes for a GET, without a body for HEAD.
func get(text string) wire { return wire{"": text} }

// methods is a server with a response for each.
func methods(pairs ...string) wire {
	s := wire{"": plain}
	for i := 0; i < len(pairs); i += 2 {
		s[pairs[i]] = pairs[i+1]
	}
	return s
}

// pair is a server that breaks a rule, and one that is alike and keeps it.
type pair struct {
	rule         string
	wrong, right wire
	timeout      time.Duration       // of the wrong one
	still        []string            // what the right one breaks all the same
	protocol     string              // HTTP/1.1 if empty
	request      conformance.Request // a GET if empty
}

var post = conformance.Request{Method: "POST", Body: "x"}

var pairs = []pair{
	// messages
	{rule: "no-response", wrong: get("<END>"), right: get(plain)},
	{rule: "status-line", wrong: get("HTTP/1.1 2xx OK\n\n<END>"), right: get(plain)},
	{rule: "reason-space", wrong: get("HTTP/1.1 200\nDate: DATE\nContent-Length: 0\n\n"), right: get("HTTP/1.1 200 \nDate: DATE\nContent-Length: 0\n\n")},
	{rule: "version", wrong: get("HTTP/1.0 200 OK\nDate: DATE\nContent-Length: 0\n\n<END>"), right: get(plain)},
	{rule: "status-range", wrong: get(reply("600 Own")), right: get(reply("599 Own"))},
	{rule: "line-end", wrong: get("HTTP/1.1 200 OK\nX-Own: 1<LF>\nContent-Type: text/plain\nDate: DATE\nContent-Length: 2\n\nhi"), right: get(plain)},
	{rule: "bare-cr", wrong: get(with("X-Own: a\rb")), right: get(with("X-Own: a b"))},
	{rule: "leading-space", wrong: get("HTTP/1.1 200 OK\n X-Own: 1\nDate: DATE\nContent-Type: text/plain\nContent-Length: 2\n\nhi"), right: get(plain)},
	{rule: "line-folding", wrong: get(with("X-Own: a", " b")), right: get(with("X-Own: a b"))},
	{rule: "colon-space", wrong: get(with("X-Own : a")), right: get(with("X-Own: a"))},
	{rule: "field-name", wrong: get(with("X(Own): a")), right: get(with("X-Own: a"))},
	{rule: "field-value", wrong: get(with("X-Own: a\x00b")), right: get(with("X-Own: a\tb \xff"))},
	{rule: "length-syntax", wrong: get("HTTP/1.1 200 OK\nDate: DATE\nContent-Type: text/plain\nContent-Length: +2\n\nhi<END>"), right: get(plain)},
	{rule: "length-exceeded", wrong: get(plain + " there"), right: get(plain)},
	{rule: "length-forbidden", wrong: get("HTTP/1.1 204 No Content\nDate: DATE\nContent-Length: 0\n\n"), right: get("HTTP/1.1 204 No Content\nDate: DATE\n\n")},
	{rule: "length-and-coding", wrong: get(ok + "Content-Length: 2\nTransfer-Encoding: chunked\n\n2\nhi\n0\n\n"), right: get(ok + "Transfer-Encoding: chunked\n\n2\nhi\n0\n\n")},
	{rule: "coding-forbidden", wrong: get("HTTP/1.1 204 No Content\nDate: DATE\nTransfer-Encoding: chunked\n\n"), right: get("HTTP/1.1 204 No Content\nDate: DATE\n\n")},
	{rule: "coding-old", protocol: conformance.HTTP10, wrong: get(ok + "Transfer-Encoding: chunked\n\n2\nhi\n0\n\n<END>"), right: get(plain + "<END>")},
	{rule: "coding-syntax", wrong: get(ok + "Transfer-Encoding: chunked, chunked\n\n2\nhi\n0\n\n"), right: get(ok + "Transfer-Encoding: chunked\n\n2\nhi\n0\n\n")},
	{rule: "chunked", wrong: get(ok + "Transfer-Encoding: chunked\n\n0x2\nhi\n0\n\n<END>"), right: get(ok + "Transfer-Encoding: chunked\n\n2;a=b\nhi\n0\nX-Own: 1\n\n")},
	{rule: "incomplete", wrong: get(ok + "Content-Length: 3\n\nhi<END>"), right: get(plain)},
	{rule: "length-missing", wrong: get(ok + "Connection: close\n\nhi<END>"), right: get(plain)},
	{rule: "trailer-field", wrong: get(ok + "Transfer-Encoding: chunked\n\n2\nhi\n0\nContent-Type: text/html\n\n"), right: get(ok + "Transfer-Encoding: chunked\n\n2\nhi\n0\nX-Own: 1\n\n")},
	{rule: "head-body", wrong: methods("HEAD", plain), right: methods()},
	{rule: "body-forbidden", wrong: get("HTTP/1.1 204 No Content\nDate: DATE\n\nhi"), right: get("HTTP/1.1 204 No Content\nDate: DATE\n\n")},
	{rule: "reset-body", wrong: get("HTTP/1.1 205 Reset Content\nDate: DATE\nContent-Type: text/plain\nContent-Length: 2\n\nhi"), right: get("HTTP/1.1 205 Reset Content\nDate: DATE\nContent-Length: 0\n\n")},
	{rule: "interim-old", protocol: conformance.HTTP10, wrong: get("HTTP/1.1 103 Early Hints\n\n" + plain + "<END>"), right: get(plain + "<END>")},
	{rule: "close-said", wrong: methods("GET Connection", plain+"<END>"), right: methods("GET Connection", with("Connection: close")+"<END>")},
	{rule: "close-done", timeout: 300 * time.Millisecond, wrong: methods("GET Connection", with("Connection: close")+"<OPEN>"), right: methods("GET Connection", with("Connection: close"))},
	{rule: "silent-close", wrong: get(plain + "<END>"), right: get(with("Connection: close") + "<END>")},
	{rule: "connection-option", wrong: get(with("Connection: Cache-Control")), right: get(with("Connection: X-Own"))},
	{rule: "upgrade-option", wrong: get(with("Upgrade: h2c")), right: get(with("Upgrade: h2c", "Connection: upgrade"))},

	// fields
	{rule: "singleton", wrong: get(with("ETag: \"1\"", "ETag: \"2\"")), right: get(with("Link: <a>", "Link: <b>"))},
	{rule: "empty-element", wrong: get(with("Vary: Accept,, Origin")), right: get(with("Vary: Accept, Origin"))},
	{rule: "date-missing", wrong: get("HTTP/1.1 200 OK\nContent-Length: 0\n\n"), right: get("HTTP/1.1 200 OK\nDate: DATE\nContent-Length: 0\n\n")},
	{rule: "date-syntax", wrong: get(with("Last-Modified: Sunday, 06-Nov-94 08:49:37 GMT")), right: get(with("Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"))},
	{rule: "date-clock", wrong: get("HTTP/1.1 200 OK\nDate: Sun, 06 Nov 1994 08:49:37 GMT\nContent-Length: 0\n\n"), right: get("HTTP/1.1 200 OK\nDate: DATE\nContent-Length: 0\n\n")},
	{rule: "type-missing", wrong: get("HTTP/1.1 200 OK\nDate: DATE\nContent-Length: 2\n\nhi"), right: get(plain)},
	{rule: "type-syntax", wrong: get("HTTP/1.1 200 OK\nDate: DATE\nContent-Type: text\nContent-Length: 2\n\nhi"), right: get("HTTP/1.1 200 OK\nDate: DATE\nContent-Type: text/plain;charset=\"utf-8\"\nContent-Length: 2\n\nhi")},
	{rule: "encoding-syntax", wrong: get(with("Content-Encoding: identity")), right: methods("", with("Content-Encoding: own", "Vary: Accept-Encoding"), "GET Accept-Encoding", with("Vary: Accept-Encoding"))},
	{rule: "encoding-wrong", wrong: get(with("Content-Encoding: gzip")), right: get(ok + "Content-Encoding: gzip\nContent-Length: 25\nVary: Accept-Encoding\n\n" + "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x01\x02\x00\xfd\xffhi\xac\x2a\x93\xd8\x02\x00\x00\x00")},
	{rule: "encoding-unaccepted", wrong: methods("GET Accept-Encoding", with("Content-Encoding: br", "Vary: Accept-Encoding")), right: methods("GET Accept-Encoding", plain)},
	{rule: "language-syntax", wrong: get(with("Content-Language: en_GB")), right: get(with("Content-Language: en-GB, de"))},
	{rule: "content-location-syntax", wrong: get(with("Content-Location: /a#b")), right: get(with("Content-Location: /a?b"))},
	{rule: "accept-ranges-syntax", wrong: get(with("Accept-Ranges: none, bytes")), right: get(with("Accept-Ranges: none"))},
	{rule: "etag-syntax", wrong: get(with("ETag: 1")), right: methods("", with("ETag: W/\"1\""), "GET If-None-Match", "HTTP/1.1 304 Not Modified\nDate: DATE\nETag: W/\"1\"\n\n")},
	{rule: "modified-later", wrong: get(with("Last-Modified: Wed, 06 Nov 2999 08:49:37 GMT")), right: get(with("Last-Modified: DATE"))},
	{rule: "location-syntax", wrong: get(reply("303 See Other", "Location: /a b")), right: get(reply("303 See Other", "Location: ../a?b=%20#c"))},
	{rule: "userinfo", wrong: get(reply("303 See Other", "Location: https://u:p@example.com/")), right: get(reply("303 See Other", "Location: https://example.com/a@b"))},
	{rule: "allow-syntax", wrong: get(with("Allow: GET HEAD")), right: get(with("Allow: GET, HEAD"))},
	{rule: "retry-after-syntax", wrong: get(reply("503 Service Unavailable", "Retry-After: 1.5")), right: get(reply("503 Service Unavailable", "Retry-After: DATE"))},
	{rule: "challenge-syntax", wrong: get(reply("401 Unauthorized", `WWW-Authenticate: realm="a"`)), right: get(reply("401 Unauthorized", `WWW-Authenticate: Basic realm="a, b", charset="UTF-8", Bearer, Negotiate abc==`))},
	{rule: "vary-syntax", wrong: get(with("Vary: Accept Origin")), right: get(with("Vary: *"))},

	// statuses and methods
	{rule: "get-implemented", wrong: get(reply("501 Not Implemented")), right: get(plain)},
	{rule: "options-allow", wrong: methods("OPTIONS", plain), right: methods("OPTIONS", options["OPTIONS"])},
	{rule: "101-upgrade", wrong: get("HTTP/1.1 101 Switching Protocols\nDate: DATE\n\n<END>"), right: get(plain)},
	{rule: "101-unasked", request: conformance.Request{Header: http.Header{"Upgrade": {"own"}, "Connection": {"Upgrade"}}},
		wrong: get("HTTP/1.1 101 Switching Protocols\nUpgrade: another\nConnection: Upgrade\n\n<END>"), right: get("HTTP/1.1 101 Switching Protocols\nDate: DATE\nUpgrade: own\nConnection: Upgrade\n\n<END>")},
	{rule: "201-location", request: post, wrong: get(reply("201 Created")), right: get(reply("201 Created", "Location: /1"))},
	{rule: "206-range", wrong: ranged(part()), right: ranged(part("Content-Type: text/plain", "Content-Range: bytes 0-0/10"))},
	{rule: "206-parts", wrong: ranged(part("Content-Type: multipart/byteranges")), right: ranged(part("Content-Type: text/plain", "Content-Range: bytes 0-0/10"))},
	{rule: "206-unasked", wrong: get(part("Content-Type: text/plain", "Content-Range: bytes 0-0/10")), right: ranged(part("Content-Type: text/plain", "Content-Range: bytes 0-0/10"))},
	{rule: "206-single", wrong: ranged(part("Content-Type: multipart/byteranges; boundary=a")), right: ranged(part("Content-Type: text/plain", "Content-Range: bytes 0-0/10"))},
	{rule: "range-syntax", wrong: ranged(part("Content-Type: text/plain", "Content-Range: bytes 0-10/10")), right: ranged(part("Content-Type: text/plain", "Content-Range: bytes 0-0/*"))},
	{rule: "range-length", wrong: ranged(part("Content-Type: text/plain", "Content-Range: bytes 0-4/10")), right: ranged(part("Content-Type: text/plain", "Content-Range: bytes 9-9/10"))},
	{rule: "301-location", wrong: get(reply("301 Moved Permanently")), right: get(reply("301 Moved Permanently", "Location: /a"))},
	{rule: "302-location", wrong: get(reply("302 Found")), right: get(reply("302 Found", "Location: /a"))},
	{rule: "303-location", wrong: get(reply("303 See Other")), right: get(reply("303 See Other", "Location: /a"))},
	{rule: "307-location", wrong: get(reply("307 Temporary Redirect")), right: get(reply("307 Temporary Redirect", "Location: /a"))},
	{rule: "308-location", wrong: get(reply("308 Permanent Redirect")), right: get(reply("308 Permanent Redirect", "Location: /a"))},
	{rule: "304-unasked", wrong: get(notModified + "\n"), right: wire{"": tagged + "Content-Length: 2\n\nhi", "GET If-None-Match": notModified + "\n"}},
	{rule: "304-metadata", wrong: wire{"": tagged + "Content-Length: 2\n\nhi", "GET If-None-Match": notModified + "Content-Type: text/plain\n\n"}, right: wire{"": tagged + "Content-Length: 2\n\nhi", "GET If-None-Match": notModified + "\n"}},
	{rule: "305-deprecated", wrong: get(reply("305 Use Proxy")), right: get(reply("307 Temporary Redirect", "Location: /a"))},
	{rule: "306-reserved", wrong: get(reply("306 Unused")), right: get(reply("307 Temporary Redirect", "Location: /a"))},
	{rule: "400-explained", wrong: get("HTTP/1.1 404 Not Found\nDate: DATE\nContent-Length: 0\n\n"), right: get(reply("404 Not Found"))},
	{rule: "401-challenge", wrong: get(reply("401 Unauthorized")), right: get(reply("401 Unauthorized", "WWW-Authenticate: Basic"))},
	{rule: "405-allow", wrong: get(reply("405 Method Not Allowed")), right: get(reply("405 Method Not Allowed", "Allow:"))},
	{rule: "405-allowed", wrong: get(reply("405 Method Not Allowed", "Allow: GET")), right: get(reply("405 Method Not Allowed", "Allow: PATCH"))},
	{rule: "407-challenge", wrong: get(reply("407 Proxy Authentication Required")), right: get(reply("407 Proxy Authentication Required", "Proxy-Authenticate: Basic"))},
	{rule: "416-range", wrong: ranged(reply("416 Range Not Satisfiable")), right: ranged(reply("416 Range Not Satisfiable", "Content-Range: bytes */10"))},
	{rule: "426-upgrade", wrong: get(reply("426 Upgrade Required")), right: get(reply("426 Upgrade Required", "Upgrade: h2c", "Connection: Upgrade"))},
	{rule: "428-stored", wrong: get(reply("428 Precondition Required", "Cache-Control: max-age=5")), right: get(reply("428 Precondition Required"))},
	{rule: "429-stored", wrong: get(reply("429 Too Many Requests", "Cache-Control: public")), right: get(reply("429 Too Many Requests", "Cache-Control: no-store, max-age=5"))},
	{rule: "431-stored", wrong: get(reply("431 Request Header Fields Too Large", "Expires: Wed, 06 Nov 2999 08:49:37 GMT")), right: get(reply("431 Request Header Fields Too Large", "Expires: Sun, 06 Nov 1994 08:49:37 GMT"))},
	{rule: "451-link", wrong: get(reply("451 Unavailable For Legal Reasons")), right: get(reply("451 Unavailable For Legal Reasons", `Link: <https://example.com/>; rel="blocked-by"`))},
	{rule: "500-explained", wrong: get("HTTP/1.1 500 Internal Server Error\nDate: DATE\nContent-Length: 0\n\n"), right: get(reply("500 Internal Server Error"))},
	{rule: "511-stored", still: []string{"511-origin"}, wrong: get(reply("511 Network Authentication Required", "Cache-Control: s-maxage=5")), right: get(reply("511 Network Authentication Required", "Cache-Control: no-store"))},
	{rule: "511-origin", wrong: get(reply("511 Network Authentication Required")), right: get(reply("403 Forbidden"))},
	{rule: "511-challenge", still: []string{"511-origin"}, wrong: get(reply("511 Network Authentication Required", "WWW-Authenticate: Basic")), right: get(reply("511 Network Authentication Required"))},

	// two responses
	{rule: "head-status", wrong: methods("HEAD", "HTTP/1.1 403 Forbidden\nDate: DATE\nContent-Type: text/plain\nContent-Length: 2\n\n"), right: methods()},
	{rule: "head-refused", wrong: methods("HEAD", "HTTP/1.1 404 Not Found\nDate: DATE\nContent-Type: text/plain\nContent-Length: 2\n\n"), right: methods()},
	{rule: "head-refused", wrong: methods("HEAD", "HTTP/1.1 405 Method Not Allowed\nDate: DATE\nAllow: GET\nContent-Length: 2\n\n"), right: methods()},
	{rule: "head-length", wrong: methods("HEAD", ok+"Content-Length: 0\n\n"), right: methods("HEAD", ok+"\n")},
	{rule: "head-fields", wrong: methods("HEAD", ok+"Content-Length: 2\nCache-Control: no-store\n\n"), right: methods("HEAD", "HTTP/1.1 200 OK\nDate: DATE\n\n")},
	{rule: "206-fields", wrong: ranged("HTTP/1.1 206 Partial Content\nDate: DATE\nContent-Type: text/plain\nContent-Length: 1\nContent-Range: bytes 0-0/10\n\n0"), right: ranged(part("Content-Type: text/plain", "Content-Range: bytes 0-0/10"))},
	{rule: "304-fields", wrong: wire{"": tagged + "Content-Length: 2\n\nhi", "GET If-None-Match": "HTTP/1.1 304 Not Modified\nDate: DATE\nETag: \"1\"\nVary: Accept\n\n"}, right: wire{"": tagged + "Content-Length: 2\n\nhi", "GET If-None-Match": notModified + "\n"}},
	{rule: "304-length", wrong: wire{"": tagged + "Content-Length: 2\n\nhi", "GET If-None-Match": notModified + "Content-Length: 0\n\n"}, right: wire{"": tagged + "Content-Length: 2\n\nhi", "GET If-None-Match": notModified + "Content-Length: 2\n\n"}},
	{rule: "precondition", wrong: get(tagged + "Content-Length: 2\n\nhi"), right: wire{"": tagged + "Content-Length: 2\n\nhi", "GET If-None-Match": notModified + "\n"}},
	{rule: "vary", wrong: methods("GET Accept-Language", with("Content-Language: de", "Vary: Accept")), right: methods("", with("Vary: Accept-Language"), "GET Accept-Language", with("Content-Language: de", "Vary: Accept-Language"))},

	// caches
	{rule: "cache-control-syntax", wrong: get(with("Cache-Control: max age")), right: get(with(`Cache-Control: private="a, b", max-age=5`))},
	{rule: "max-age-syntax", wrong: get(with(`Cache-Control: max-age="5"`)), right: get(with("Cache-Control: max-age=5"))},
	{rule: "s-maxage-syntax", wrong: get(with(`Cache-Control: s-maxage=1.5`)), right: get(with("Cache-Control: s-maxage=5"))},
	{rule: "age-syntax", wrong: get(with("Age: -1")), right: get(with("Age: 1"))},
	{rule: "expires-syntax", wrong: get(with("Expires: 0")), right: get(with("Expires: DATE"))},

	// problems
	{rule: "problem-type-field", wrong: get(problem("application/json", "{"+rightDocument+"}")), right: get(problem("application/json", `{"title":"a","status":"b"}`))},
	{rule: "problem-json", wrong: get(problem("application/problem+json", `["a"]`)), right: get(document(rightDocument))},
	{rule: "problem-bom", wrong: get(problem("application/problem+json", "\ufeff{"+rightDocument+"}")), right: get(document(rightDocument))},
	{rule: "problem-duplicate", wrong: get(document(rightDocument + `,"errors":[{"a":1,"a":2}]`)), right: get(document(rightDocument + `,"errors":[{"a":1},{"a":"a"}]`))},
	{rule: "problem-members", wrong: get(document(`"type":"https://example.com/t","title":"a","status":"404"`)), right: get(document(rightDocument))},
	{rule: "problem-status", wrong: get(document(`"type":"https://example.com/t","title":"a","status":400`)), right: get(document(rightDocument))},
	{rule: "problem-type", wrong: get(document(`"type":"https://example.com/a b","title":"a"`)), right: get(document(rightDocument))},
	{rule: "problem-type-relative", wrong: get(document(`"type":"out-of-credit","title":"a"`)), right: get(document(`"type":"/out-of-credit","title":"a"`))},
	{rule: "problem-instance", wrong: get(document(`"type":"about:blank","title":"Not Found","instance":"<1>"`)), right: get(document(rightDocument))},
	{rule: "problem-instance-relative", wrong: get(document(`"type":"about:blank","title":"Not Found","instance":"17"`)), right: get(document(`"title":"Not Found","instance":"urn:uuid:17"`))},
	{rule: "problem-title", wrong: get(document(`"title":"Oops"`)), right: get(document(`"type":"about:blank","title":"Not Found"`))},
	{rule: "problem-extension", wrong: get(document(rightDocument + `,"x":1`)), right: get(document(rightDocument + `,"violated-policies":[]`))},
	{rule: "problem-xml", wrong: get(problem("application/problem+xml", "<problem><status>404</status></problem>")), right: get(problem("application/problem+xml", rightXML))},
	{rule: "problem-status", wrong: get(problem("application/problem+xml", strings.Replace(rightXML, "404", "400", 1))), right: get(problem("application/problem+xml", rightXML))},
	{rule: "stack-trace", wrong: get("HTTP/1.1 500 Internal Server Error\nDate: DATE\nContent-Type: text/plain\nContent-Length: 22\n\ngoroutine 1 [running]:"), right: get(reply("500 Internal Server Error"))},
}

const (
	ends  = 5 // END_HEADERS and END_STREAM
	goes  = 4 // END_HEADERS
	ended = 1 // END_STREAM
)

// none is a 204 with further fields.
func none(lines ...string) frames {
	return frames{head(ends, append([]string{":status=204", "date=DATE", "allow=GET"}, lines...)...)}
}

// some is a 404 with further fields and two bytes of text, but for HEAD. It is a
// status that OPTIONS may have.
func some(body raw, lines ...string) frames {
	return frames{head(goes, append([]string{":status=404", "date=DATE", "content-type=text/plain"}, lines...)...), body}
}

// pairs2 are servers of HTTP/2 that break a rule, and one each that keeps it. A
// POST is sent, which no HEAD belongs to.
var pairs2 = []struct {
	rule, name   string
	wrong, right frames
}{
	{"no-response", "a reset", frames{{3, 0, []byte{0, 0, 0, 2}}}, none()},
	{"no-response", "the end of all", frames{{7, 0, []byte{0, 0, 0, 0, 0, 0, 0, 0}}}, none()},
	{"incomplete", "a reset", frames{some(data(0, "h"))[0], {3, 0, []byte{0, 0, 0, 2}}}, some(data(ended, "hi"))},
	{"body-forbidden", "DATA after 204", frames{head(goes, ":status=204", "date=DATE"), data(ended, "hi")}, frames{head(goes, ":status=204", "date=DATE"), data(ended, "")}},
	{"malformed", "too little DATA", some(data(ended, "h"), "content-length=2"), some(data(ended, "hi"), "content-length=2")},
	{"malformed", "too much DATA", some(data(ended, "hi!"), "content-length=2"), some(data(ended, "hi"))},
	{"malformed", "DATA first", frames{data(ended, "hi")}, none()},
	{"malformed", "a trailer without an end", append(some(data(0, "hi")), head(goes, "x-own=1")), append(some(data(0, "hi")), head(ends, "x-own=1"))},
	{"malformed", "an interim response at the end", frames{head(ends, ":status=103")}, append(frames{head(goes, ":status=103")}, none()...)},
	{"malformed", "PUSH_PROMISE", append(frames{{5, 4, []byte{0, 0, 0, 2}}}, none()...), append(frames{{0x77, 4, []byte{0, 0, 0, 2}}}, none()...)},
	{"malformed", "a frame that is too large", some(raw{0, ended, make([]byte, 1<<14+1)}), some(raw{0, ended, make([]byte, 1<<14)})},
	{"malformed", "padding without end", some(raw{0, ended | 8, []byte("\x05hi")}), some(raw{0, ended | 8, []byte("\x01hi0")})},
	{"malformed", "a frame between the fields", frames{{1, 1, none()[0].payload}, {0, 0, nil}}, frames{{1, 1, none()[0].payload[:9]}, {9, 0, nil}, {9, 4, none()[0].payload[9:]}}},
	{"field-block", "an index without a line", frames{{1, ends, []byte{0x80 | 62}}}, frames{{1, ends, append([]byte{0x80 | 9}, none()[0].payload[12:]...)}}},
	{"field-block", "a Huffman code without an end", frames{{1, ends, []byte("\x89\x00\x01x\x82\x00\x00")}}, frames{{1, ends, append([]byte("\x89\x00\x01x\x81\x1f"), none()[0].payload[12:]...)}}},
	{"field-block", "a padding of eight bits", frames{{1, ends, []byte("\x89\x00\x01x\x82\x1f\xff")}}, none()},
	{"field-block", "a string without an end", frames{{1, ends, []byte("\x89\x00\x05x")}}, none()},
	{"pseudo-fields", "no status", frames{head(ends, "date=DATE")}, none()},
	{"pseudo-fields", "two", frames{head(ends, ":status=204", ":status=204")}, none()},
	{"pseudo-fields", "that of a request", none(":path=/"), none()},
	{"pseudo-fields", "one at the end", frames{head(ends, "date=DATE", ":status=204")}, none()},
	{"pseudo-fields", "one in the trailer", append(some(data(0, "hi")), head(ends, ":status=200")), append(some(data(0, "hi")), head(ends, "x-own=1"))},
	{"lowercase", "", none("X-Own=1"), none("x-own=1")},
	{"outer-space", "", none("x-own=1 "), none("x-own=1 2")},
	{"field-name", "", none("x own=1"), none("x-own=1")},
	{"field-value", "", none("x-own=a\nb"), none("x-own=a\tb")},
	{"connection-fields", "", none("keep-alive=timeout=5"), none("x-keep-alive=1")},
	{"101-later", "", append(frames{head(goes, ":status=101", "upgrade=own")}, none()...), append(frames{head(goes, ":status=103")}, none()...)},
}

func TestEachRuleCanBeBrokenAndKept(t *testing.T) {
	for _, p := range pairs {
		t.Run(p.rule, func(t *testing.T) {
			t.Parallel()
			o := conformance.Options{Protocols: []string{conformance.HTTP11}, Requests: []conformance.Request{p.request}, Timeout: p.timeout}
			if p.protocol != "" {
				o.Protocols[0] = p.protocol
			}
			assert.Contains(t, broken(t, p.wrong.serve(t), o), p.rule)
			o.Timeout = 0
			if _, there := p.right["OPTIONS"]; !there {
				p.right["OPTIONS"] = options["OPTIONS"]
			}
			assert.Equal(t, p.still, broken(t, p.right.serve(t), o))
		})
	}
	for _, p := range pairs2 {
		t.Run(p.rule+" over HTTP2 "+p.name, func(t *testing.T) {
			t.Parallel()
			o := conformance.Options{Protocols: []string{conformance.HTTP2}, Requests: []conformance.Request{{Method: "POST"}, {Method: "POST"}}}
			assert.Contains(t, broken(t, p.wrong.serve(t), o), p.rule)
			assert.Empty(t, broken(t, p.right.serve(t), o))
		})
	}
}

func TestNoRuleIsWithoutAPair(t *testing.T) {
	tested := map[string]bool{}
	for _, p := range pairs {
		tested[p.rule] = true
	}
	for _, p := range pairs2 {
		tested[p.rule] = true
	}
	seen := map[string]bool{}
	for _, r := range conformance.Rules() {
		assert.True(t, tested[r.ID], "%s has no server that breaks it", r.ID)
		assert.False(t, seen[r.ID], "%s is there twice", r.ID)
		seen[r.ID] = true
		assert.NotEmpty(t, r.Requirement)
		assert.NotEmpty(t, r.Fix)
		assert.Contains(t, []conformance.Level{conformance.Must, conformance.Should}, r.Level)
		assert.Regexp(t, `^RFC \d{4}, (section [\d.]+|appendix B)$`, r.Clause())
	}
}
