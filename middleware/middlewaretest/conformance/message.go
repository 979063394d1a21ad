package conformance

import (
	"slices"
	"strings"
)

// Protocols for [Options].
const (
	HTTP10 = "HTTP/1.0"
	HTTP11 = "HTTP/1.1"
	HTTP2  = "HTTP/2"
)

// exchange is one request and its response.
type exchange struct {
	request  Request
	protocol string // of the request

	interim []*message // in the order of their arrival
	final   *message   // nil if none arrived that could be read
	faults  []fault    // those that the reader found in the bytes

	cut   bool // the body is longer, or lasted longer, than the options allow
	close bool // the connection ends after the response, or should

	plain *exchange // of a probe: the exchange without its header fields; otherwise nil
	get   *exchange // of a HEAD: the exchange of the GET; otherwise nil

	parsed   bool // document is set, if there is one
	document *document
}

// fault is a rule that the bytes of a message break, and what is wrong.
type fault struct{ rule, seen string }

func (x *exchange) fault(rule, seen string) { x.faults = append(x.faults, fault{rule, seen}) }

// messages returns all responses.
func (x *exchange) messages() []*message {
	if x.final == nil {
		return x.interim
	}
	return append(slices.Clone(x.interim), x.final)
}

// has reports whether the final response has the status.
func (x *exchange) has(status int) bool { return x.final != nil && x.final.status == status }

// complete reports whether the final response arrived to its end.
func (x *exchange) complete() bool {
	return x.final != nil && !x.cut && !slices.ContainsFunc(x.faults, func(f fault) bool {
		return slices.Contains([]string{"incomplete", "no-response", "chunked", "length-syntax", "malformed"}, f.rule)
	})
}

// message is one response.
type message struct {
	version  string // as in the status line, or HTTP/2
	status   int
	reason   string
	header   fields
	body     []byte
	trailer  fields
	length   bool // Content-Length delimits the body
	chunked  bool
	bodyless bool // the method or the status forbids a body
}

// succeeded reports whether the status is 2xx.
func (m *message) succeeded() bool { return m.status >= 200 && m.status <= 299 }

// failed reports whether the status is 4xx or 5xx.
func (m *message) failed() bool { return m.status >= 400 && m.status <= 599 }

// field is one field line.
type field struct{ name, value string }

// fields are field lines in the order of their arrival.
type fields []field

// values returns the values of the lines with the name, in any letter case.
func (f fields) values(name string) (values []string) {
	for _, line := range f {
		if strings.EqualFold(line.name, name) {
			values = append(values, line.value)
		}
	}
	return values
}

// get returns the value of the first line with the name, or "".
func (f fields) get(name string) string {
	for _, line := range f {
		if strings.EqualFold(line.name, name) {
			return line.value
		}
	}
	return ""
}

func (f fields) has(name string) bool {
	return slices.ContainsFunc(f, func(line field) bool { return strings.EqualFold(line.name, name) })
}

// list returns the elements of a list field (RFC 9110, section 5.6.1), without
// empty ones. Commas in quoted strings separate nothing.
func (f fields) list(name string) []string {
	return slices.DeleteFunc(elements(strings.Join(f.values(name), ",")), func(s string) bool { return s == "" })
}

// lists reports whether a list field has the token, in any letter case.
func (f fields) lists(name, token string) bool {
	return slices.ContainsFunc(f.list(name), func(s string) bool { return strings.EqualFold(s, token) })
}
