package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// How to fix what net/http's server does right, whatever a handler does: such a fault
// is one of a hijacked connection or of another server.
const (
	viaServer = "let net/http write the response: set the header and the status through http.ResponseWriter, not on a hijacked connection"
	viaLength = "leave Content-Length to net/http, or set it to the length of what is written, as respond.JSON and respond.Bytes do"
)

// messageRules are about the syntax and framing of messages, and about connections.
var messageRules = []Rule{
	// the status line
	{"no-response", 9110, "3.4", Should, "a server sends a response to each request",
		"a handler that panics ends the connection: put middleware.Recover or middleware.Normalize around it", noted("no-response")},
	{"status-line", 9112, "4", Must, "a response begins with the version, a space, three digits, a space and a reason", viaServer, noted("status-line")},
	{"reason-space", 9112, "4", Must, "a space follows the status code, also where there is no reason", viaServer, noted("reason-space")},
	{"version", 9110, "6.2", Should, "a response to HTTP/1.1 has that version", viaServer, version},
	{"status-range", 9110, "15", Must, "a status code is a number from 100 to 599",
		"pass such a number to WriteHeader; middleware.Normalize sends 500 for any other", statusRange},

	// lines
	{"line-end", 9112, "2.1", Must, "a line of the status line, the header or the chunks ends in CRLF", viaServer, noted("line-end")},
	{"bare-cr", 9112, "2.2", Must, "each CR stands before an LF", viaServer, noted("bare-cr")},
	{"leading-space", 9112, "2.2", Must, "no white space stands between the status line and the first header field", viaServer, noted("leading-space")},
	{"line-folding", 9112, "5.2", Must, "a field line is one line", viaServer, noted("line-folding")},
	{"colon-space", 9112, "5.1", Must, "no white space stands between a name and its colon", viaServer, noted("colon-space")},
	{"field-name", 9110, "5.1", Must, "the name of a header field is a token", "set fields with names of letters, digits and hyphens only", noted("field-name")},
	{"field-value", 9110, "5.5", Must, "the value of a header field has no control character but a tab",
		"escape or refuse such text before it is put into a header: a CR or LF from a request could begin another field", noted("field-value")},

	// framing
	{"length-syntax", 9110, "8.6", Must, "Content-Length is one decimal number", viaLength, lengthSyntax},
	{"length-exceeded", 9112, "6.3", Must, "a response ends where its framing says, and the next one begins there", viaLength, noted("length-exceeded")},
	{"length-forbidden", 9110, "8.6", Must, "1xx and 204 have no Content-Length", "use respond.NoContent, or delete the field, as middleware.Normalize does", lengthForbidden},
	{"length-and-coding", 9112, "6.2", Must, "a message with Transfer-Encoding has no Content-Length", viaLength, lengthAndCoding},
	{"coding-forbidden", 9112, "6.1", Must, "1xx and 204 have no Transfer-Encoding", "do not set Transfer-Encoding: net/http sets it where it is needed", codingForbidden},
	{"coding-old", 9112, "6.1", Must, "Transfer-Encoding is for requests of HTTP/1.1 only", "do not set Transfer-Encoding: net/http sets it where it is needed", codingOld},
	{"coding-syntax", 9112, "6.1", Must, "Transfer-Encoding names chunked once, as the last coding", "do not set Transfer-Encoding: net/http sets it where it is needed", codingSyntax},
	{"chunked", 9112, "7.1", Must, "each chunk has its size in hexadecimal digits, its data and a CRLF", viaServer, noted("chunked")},
	{"incomplete", 9110, "6.1", Must, "a response is as long as its framing says",
		"a handler that panics, or that writes less than its Content-Length, cuts the response: have the body complete before the status is sent, as respond.JSON does", noted("incomplete")},
	{"length-missing", 9112, "6.3", Should, "the length of a body is known by Content-Length or chunks", viaServer, lengthMissing},
	{"trailer-field", 9110, "6.5.1", Must, "a trailer has no field that frames, routes, authenticates or describes the response", "send such a field in the header, before the first byte", trailerField},

	// bodies that may not be
	{"head-body", 9110, "9.3.2", Must, "the response to a HEAD has no body", viaServer, noted("head-body")},
	{"body-forbidden", 9110, "6.4.1", Must, "1xx, 204 and 304 have no body", viaServer, noted("body-forbidden")},
	{"reset-body", 9110, "15.3.6", Must, "205 has no body", "use respond.ResetContent", resetBody},

	// interim responses
	{"interim-old", 9110, "15.2", Must, "no 1xx is sent to a client of HTTP/1.0", "check r.ProtoAtLeast(1, 1) first, as respond.EarlyHints and middleware.Normalize do", interimOld},

	// connections
	{"close-said", 9112, "9.6", Should, "the response to a request with Connection: close has that field too", viaServer, closeSaid},
	{"close-done", 9112, "9.6", Must, "the server closes the connection after a response or a request with Connection: close", viaServer, noted("close-done")},
	{"silent-close", 9112, "9.6", Should, "the last response on a connection has Connection: close",
		`set Connection to "close" before the status is sent, as net/http does`, noted("silent-close")},
	{"connection-option", 9110, "7.6.1", Must, "Connection names no header field that concerns more than the connection", "remove its name from Connection", connectionOption},
	{"upgrade-option", 9110, "7.8", Must, `a response with Upgrade has "Upgrade" in Connection`, "use problem.Upgrade, or set both fields", upgradeOption},

	// HTTP/2
	{"malformed", 9113, "8.1.1", Must, "the frames of a response come in their order, and DATA has as many bytes as Content-Length says", viaLength, noted("malformed")},
	{"field-block", 9113, "4.3", Must, "the header decodes by the rules of HPACK", viaServer, noted("field-block")},
	{"pseudo-fields", 9113, "8.3.2", Must, "the header begins with :status, and has no other pseudo-header field", viaServer, noted("pseudo-fields")},
	{"lowercase", 9113, "8.2.1", Must, "the names of header fields are in lower case", viaServer, noted("lowercase")},
	{"outer-space", 9113, "8.2.1", Must, "a value neither begins nor ends with white space", "use strings.TrimSpace before a value is put into a header", noted("outer-space")},
	{"connection-fields", 9113, "8.2.2", Must, "HTTP/2 has no Connection, Upgrade, Keep-Alive, Proxy-Connection or Transfer-Encoding",
		"set them only if r.ProtoMajor is 1, or use middleware.Normalize, which removes them", connectionFields},
	{"101-later", 9113, "8.6", Must, "HTTP/2 has no 101", "send it only if r.ProtoMajor is 1; middleware.Normalize sends 500", upgradeLater},
}

// noted returns a check for the faults that the reader has noted for a rule.
func noted(rule string) func(*exchange) string {
	return func(x *exchange) string {
		var all []string
		for _, f := range x.faults {
			if f.rule == rule && len(all) < 3 {
				all = append(all, f.seen)
			}
		}
		return strings.Join(all, "; ")
	}
}

// each returns what a check finds first in the interim and final responses.
func each(x *exchange, check func(*message) string) string {
	for _, m := range x.messages() {
		if seen := check(m); seen != "" {
			return seen
		}
	}
	return ""
}

func version(x *exchange) string {
	return each(x, func(m *message) string {
		if x.protocol == HTTP11 && m.version != HTTP11 {
			return fmt.Sprintf("the response has version %q", m.version)
		}
		return ""
	})
}

func statusRange(x *exchange) string {
	return each(x, func(m *message) string {
		if m.status < 100 || m.status > 599 {
			return fmt.Sprintf("the status is %03d", m.status)
		}
		return ""
	})
}

func lengthSyntax(x *exchange) string {
	if seen := noted("length-syntax")(x); seen != "" {
		return seen
	}
	return each(x, func(m *message) string {
		switch values := m.header.values("Content-Length"); {
		case len(values) > 1, len(values) == 1 && !isDigits(values[0]):
			return fmt.Sprintf("Content-Length: %s", strings.Join(values, ", "))
		}
		return ""
	})
}

func lengthForbidden(x *exchange) string {
	return each(x, func(m *message) string {
		if (m.status < 200 || m.status == 204) && m.header.has("Content-Length") {
			return fmt.Sprintf("%d has Content-Length: %s", m.status, m.header.get("Content-Length"))
		}
		return ""
	})
}

func lengthAndCoding(x *exchange) string {
	return each(x, func(m *message) string {
		if m.header.has("Content-Length") && m.header.has("Transfer-Encoding") {
			return "the header has both"
		}
		return ""
	})
}

func codingForbidden(x *exchange) string {
	return each(x, func(m *message) string {
		if (m.status < 200 || m.status == 204) && m.header.has("Transfer-Encoding") {
			return fmt.Sprintf("%d has Transfer-Encoding: %s", m.status, m.header.get("Transfer-Encoding"))
		}
		return ""
	})
}

func codingOld(x *exchange) string {
	if x.protocol != HTTP10 {
		return ""
	}
	return each(x, func(m *message) string {
		if m.header.has("Transfer-Encoding") {
			return "Transfer-Encoding: " + m.header.get("Transfer-Encoding")
		}
		return ""
	})
}

func codingSyntax(x *exchange) string {
	return each(x, func(m *message) string {
		codings := m.header.list("Transfer-Encoding")
		for i, c := range codings {
			name, _, _ := strings.Cut(c, ";")
			if !isToken(trim(name)) || strings.EqualFold(c, "chunked") != (i == len(codings)-1) {
				return "Transfer-Encoding: " + strings.Join(codings, ", ")
			}
		}
		if m.header.has("Transfer-Encoding") && len(codings) == 0 {
			return "Transfer-Encoding is empty"
		}
		return ""
	})
}

// lengthMissing finds a body that ends with the connection over HTTP/1.1, where it
// could be chunked.
func lengthMissing(x *exchange) string {
	if m := x.final; x.protocol == HTTP11 && m != nil && !x.cut && !m.bodyless && !m.length && !m.chunked {
		return "the end of the connection is the end of the body"
	}
	return ""
}

// notTrailers are header fields that a recipient has to know before the body.
var notTrailers = []string{"Transfer-Encoding", "Content-Length", "Host", "Cache-Control", "Expires", "Date", "Location", "Retry-After",
	"Vary", "Age", "Content-Encoding", "Content-Type", "Content-Range", "Trailer", "Set-Cookie", "WWW-Authenticate", "Proxy-Authenticate", "Connection"}

func trailerField(x *exchange) string {
	return each(x, func(m *message) string {
		for _, f := range m.trailer {
			if slices.ContainsFunc(notTrailers, func(name string) bool { return strings.EqualFold(name, f.name) }) {
				return f.name + " is in the trailer"
			}
		}
		return ""
	})
}

func resetBody(x *exchange) string {
	if x.has(205) && len(x.final.body) > 0 {
		return fmt.Sprintf("the body has %d bytes", len(x.final.body))
	}
	return ""
}

func interimOld(x *exchange) string {
	if x.protocol != HTTP10 {
		return ""
	}
	for _, m := range x.messages() {
		if m.status < 200 {
			return fmt.Sprintf("a %d arrived", m.status)
		}
	}
	return ""
}

func closeSaid(x *exchange) string {
	if m := x.final; m != nil && x.protocol == HTTP11 && m.status != 101 &&
		strings.EqualFold(x.request.Header.Get("Connection"), "close") && !m.header.lists("Connection", "close") {
		return "Connection does not have close"
	}
	return ""
}

// endToEnd are header fields that concern more than the connection.
var endToEnd = []string{"Cache-Control", "Content-Type", "Content-Encoding", "Content-Range", "Content-Location", "Date", "ETag", "Expires",
	"Last-Modified", "Location", "Vary", "WWW-Authenticate", "Set-Cookie", "Allow", "Retry-After"}

func connectionOption(x *exchange) string {
	return each(x, func(m *message) string {
		for _, option := range m.header.list("Connection") {
			if !isToken(option) || slices.ContainsFunc(endToEnd, func(name string) bool { return strings.EqualFold(name, option) }) {
				return "Connection: " + option
			}
		}
		return ""
	})
}

func upgradeOption(x *exchange) string {
	return each(x, func(m *message) string {
		if m.version != HTTP2 && m.header.has("Upgrade") && !m.header.lists("Connection", "Upgrade") {
			return fmt.Sprintf("Upgrade: %s, and Connection: %s", m.header.get("Upgrade"), strings.Join(m.header.values("Connection"), ", "))
		}
		return ""
	})
}

func connectionFields(x *exchange) string {
	if x.protocol != HTTP2 {
		return ""
	}
	return each(x, func(m *message) string {
		for _, line := range m.header {
			if ofConnection(line.name) {
				return line.name + ": " + line.value
			}
		}
		return ""
	})
}

func upgradeLater(x *exchange) string {
	if x.protocol != HTTP2 {
		return ""
	}
	return each(x, func(m *message) string {
		if m.status == 101 {
			return "a 101 arrived"
		}
		return ""
	})
}
