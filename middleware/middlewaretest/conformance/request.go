package conformance

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Request is a request that [Check] and [Test] send. They add Host and User-Agent
// where Header has none, and Content-Length where there is a body.
type Request struct {
	Method string // empty means GET; CONNECT cannot be sent
	Target string // path and query; empty means those of the URL, or "/" in Test
	Header http.Header
	Body   string
}

// validate returns an error if the request cannot be sent as it is.
func (r Request) validate() error {
	if !isToken(r.Method) || r.Method == http.MethodConnect {
		return fmt.Errorf("conformance: %q is not a method that can be sent", r.Method)
	}
	if !strings.HasPrefix(r.Target, "/") && (r.Target != "*" || r.Method != http.MethodOptions) || strings.ContainsFunc(r.Target, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return fmt.Errorf("conformance: target %q is not a path with an optional query in ASCII", r.Target)
	}
	if _, err := url.ParseRequestURI(r.Target); err != nil && r.Target != "*" {
		return fmt.Errorf("conformance: target: %w", err)
	}
	for name, values := range r.Header {
		if name == "Content-Length" || name == "Transfer-Encoding" {
			return fmt.Errorf("conformance: header field %q is the client's to set", name)
		}
		if !isToken(name) || slices.ContainsFunc(values, func(v string) bool { return strings.ContainsAny(v, "\r\n\x00") }) {
			return fmt.Errorf("conformance: header field %q cannot be sent", name)
		}
	}
	return nil
}

// canonical returns the request with its defaults, and with the names of its header
// fields as net/http writes them.
func (r Request) canonical(path string) Request {
	r.Method, r.Target = cmp.Or(r.Method, http.MethodGet), cmp.Or(r.Target, path)
	h := http.Header{}
	for name, values := range r.Header {
		name = http.CanonicalHeaderKey(name)
		h[name] = append(h[name], values...)
	}
	r.Header = h
	return r
}

// with returns the request with another method, without a body.
func (r Request) with(method string) Request {
	return Request{Method: method, Target: r.Target, Header: r.Header}
}

// adding returns the request with one more header field.
func (r Request) adding(name, value string) Request {
	h := r.Header.Clone()
	h.Set(name, value)
	r.Header = h
	return r
}

// isSafe reports whether the method is safe (RFC 9110, section 9.2.1, and RFC
// 10008 for QUERY).
func (r Request) isSafe() bool {
	return slices.Contains([]string{"GET", "HEAD", "OPTIONS", "TRACE", "QUERY"}, r.Method)
}

// String returns the method, the target, and the header fields that a probe adds.
func (r Request) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", r.Method, r.Target)
	for _, name := range probing {
		if v := r.Header.Get(name); v != "" {
			fmt.Fprintf(&b, " (%s: %s)", name, v)
		}
	}
	return b.String()
}

// probing are the header fields that String names.
var probing = [...]string{"Accept", "Accept-Encoding", "Accept-Language", "If-None-Match", "If-Modified-Since", "Range", "Connection", "Upgrade"}

// hasLength reports whether the request has a Content-Length.
func (r Request) hasLength() bool {
	return r.Body != "" || slices.Contains([]string{"POST", "PUT", "PATCH"}, r.Method)
}

// bytes returns the request as HTTP/1 writes it.
func (r Request) bytes(protocol, host string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\r\nHost: %s\r\n", r.Method, r.Target, protocol, cmp.Or(r.Header.Get("Host"), host))
	if r.Header.Get("User-Agent") == "" {
		b.WriteString("User-Agent: " + userAgent + "\r\n")
	}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if strings.EqualFold(name, "Host") {
			continue
		}
		for _, v := range r.Header[name] {
			fmt.Fprintf(&b, "%s: %s\r\n", name, v)
		}
	}
	if r.hasLength() {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.Body))
	}
	return []byte(b.String() + "\r\n" + r.Body)
}

const userAgent = "rejoinder-conformance"
