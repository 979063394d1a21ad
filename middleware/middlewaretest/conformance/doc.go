// Package conformance checks what an HTTP service sends against the
// specifications, and says how to mend what they forbid.
//
// Start with [Test], in a test of a service, which takes any handler:
//
//	func TestConformance(t *testing.T) {
//		conformance.Test(t, routes(), conformance.Options{
//			Requests: []conformance.Request{{Target: "/orders"}, {Target: "/nowhere"}},
//		})
//	}
//
// [Check] does the same with a running service on a URL, and so does the command
// cmd/rejoindercheck.
//
// Each request is sent over HTTP/1.0, HTTP/1.1 and HTTP/2. A reader of this package
// takes the bytes of HTTP/1 as they are: it finds the faults that net/http's client
// corrects or hides, such as a body after a 204, and bytes behind a response that
// the next one is confused with. A GET is compared with a HEAD and an OPTIONS for
// the same target, and with conditional, partial and negotiated requests.
//
// [Rules] are the clauses of RFC 9110, 9111, 9112, 9113, 9457, 6585 and others that
// are checked. Each has a server in the tests of this package that breaks it, and
// one that does not.
//
// It judges what one client can see of a response. Whether the status is the right
// one for what happened, and what caches and intermediaries make of it, it cannot
// tell; and it is no test of a parser: all of its requests are well-formed.
package conformance
