// Package rejoinder is the root of a toolkit of net/http middleware and response
// writers, for responses that their reader can rely on: the right status, the
// documented reason and description of it, the header fields that it requires,
// in one standard body.
//
// The root package has no code. Start with one of these:
//
//   - problem describes a failure as RFC 9457 has it, and reads it back.
//   - respond writes responses: respond.Error(w, 503) is the shortest.
//   - request reads JSON, strictly, and reports what is wrong with it.
//   - middleware turns error responses into problems, and logs and bounds requests.
//   - middleware/middlewaretest shows a test what a client gets of a handler.
//   - middleware/ratelimit limits request rates and concurrency.
//   - middleware/clientip finds the address of the client, behind which proxies.
//   - listener normalizes what net/http's server writes by itself.
//
// It is not a router or a framework: a handler stays an [net/http.Handler].
package rejoinder
