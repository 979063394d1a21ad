// Package conformance checks the responses of an HTTP service against the
// specifications, and says how to fix what they forbid.
//
// Start with [Test], which checks any handler in a test:
//
//	func TestConformance(t *testing.T) {
//		conformance.Test(t, routes(), conformance.Options{
//			Requests: []conformance.Request{{Target: "/orders"}, {Target: "/nowhere"}},
//		})
//	}
//
// [Check] does the same with a running service on a URL, and so does the command
// cmd/rejoindercheck. The service need not use any other package of this module.
//
// Each request is sent over HTTP/1.0, HTTP/1.1 and HTTP/2. The package reads the
// bytes of the responses itself. It therefore finds faults that net/http's client
// corrects or hides: a body after a 204, bytes behind a response that a client
// takes for the next one, a Keep-Alive over HTTP/2. The response to a GET is
// compared with those to a HEAD and to conditional, partial and negotiated requests
// for the same target.
//
// [Rules] returns the clauses of RFC 9110, 9111, 9112, 9113, 9457, 6585 and others
// that are checked. The tests of this package have a server that breaks each rule,
// and one that differs in that alone and keeps it.
//
// The package judges what one client can see. It does not judge whether a status is
// the right one for what happened, or what caches and intermediaries do with a
// response. It does not test how a server parses: all of its requests are
// well-formed.
package conformance
