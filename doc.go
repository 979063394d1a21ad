// Package rejoinder makes every answer of a net/http service one that its
// reader can rely on: the right status, the documented reason and description
// of that status, the header fields it requires, in one standard body.
//
// The root package holds no code. Start with one of these:
//
//   - problem describes a failure as RFC 9457 asks, and reads it back.
//   - respond writes answers: respond.Error(w, 503) is the shortest.
//   - request reads JSON, strictly, and says what is wrong with it.
//   - middleware wraps handlers, so that whatever they write leaves in order.
//   - middleware/middlewaretest shows a test what a client gets of a handler.
//   - middleware/ratelimit bounds how often a client may ask.
//   - middleware/clientip tells who is asking, behind which proxies.
//   - listener puts in order what net/http's server answers by itself.
//
// It is no router and no framework: a handler stays an [net/http.Handler].
package rejoinder
