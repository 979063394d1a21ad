// Package listener answers with a problem document (RFC 9457) where net/http's
// server answers by itself: to a request that it cannot read or will not
// accept, and that no handler and no middleware therefore ever sees
// (go.dev/issue/21548, go.dev/issue/25116).
//
// Start with [Normalize], around what [net.Listen] returned:
//
//	l, err := net.Listen("tcp", ":8080")
//	...
//	err = server.Serve(listener.Normalize(l))
//
// From then on these answers are problem documents, in JSON: 400 to a malformed
// request, 417 to an unknown expectation, 431 to a header that is too large,
// 501 to an unknown transfer coding, and 505 to a version that is not HTTP/1.
// Their status codes are the server's own. They gain the Date and the
// Content-Length that the server leaves out, so that a client can tell a
// complete answer from a truncated one.
//
// Nothing else changes, because one method does: Write, which lets everything
// pass but those answers. It knows them by their text and, before it touches
// one, by who writes it: the server's own loop, with no handler between. What
// a handler sends is thus safe, even if it is the same bytes. A connection
// keeps all other methods of [net.TCPConn] or [net.UnixConn], so sendfile,
// splice, deadlines, half-close and cleartext HTTP/2 work as without.
//
// It does not reach what is encrypted. With [http.Server.ServeTLS] around a
// listener of this package only one answer is readable here, the 400 to a
// client that speaks plain HTTP; the others are sent as the server words them.
// Errors that HTTP/2 itself raises are frames, or answers that only the server
// can write.
//
// Should a later version of net/http word its answers in another way, or write
// them from another place, they pass unchanged.
package listener
