// Package listener makes net/http's server send problem documents (RFC 9457) where it
// responds by itself: to requests that it cannot parse or refuses. Such requests reach no
// handler and no middleware (go.dev/issue/21548, go.dev/issue/25116).
//
// Start with [Normalize], around the result of [net.Listen]:
//
//	l, err := net.Listen("tcp", ":8080")
//	...
//	err = server.Serve(listener.Normalize(l))
//
// The package replaces these responses: 400 to a malformed request, 417 to an unknown
// expectation, 431 to a header that is too large, 501 to an unknown transfer coding, and 505
// to an HTTP version other than 1.0 and 1.1. The status codes remain those of the server. The
// documents are in JSON, because the request is not available to choose another format. The
// responses also get a Date and a Content-Length, which the server omits, so that a client
// can recognize a truncated response.
//
// Everything else passes through unchanged. The package replaces a write only if its bytes
// look like a response of the server and the stack shows that the server, and not a handler,
// is writing. A handler may therefore send the same bytes. Connections keep all other methods
// of [net.TCPConn] and [net.UnixConn], so that sendfile, splice, deadlines, half-close and
// cleartext HTTP/2 work as before.
//
// It cannot replace encrypted responses. With [net/http.Server.ServeTLS] it replaces only the
// 400 to a client that uses plain HTTP. It does not replace the errors of HTTP/2 either, which
// are frames or are written by the server alone.
//
// If a future version of net/http changes these responses, or the functions that write them,
// they pass through unchanged.
package listener
