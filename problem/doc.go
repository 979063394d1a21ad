// Package problem describes failures to the clients of an HTTP service, in the format
// of RFC 9457, and reads such descriptions back.
//
// Start with [New]. It takes a status code and options that add what the client
// may know. The title and the detail come from package status unless options
// replace them:
//
//	problem.New(404)
//	problem.New(409, problem.Detail("the order was paid in the meantime"), problem.Cause(err))
//
// The result, a [Details], is an error. A handler returns it, and package respond
// writes the response.
//
// If clients have to distinguish failures with the same status code, define a
// [Type]. Two problems are the same kind of failure if their type URIs are equal,
// so [errors.Is] works with a type on the server and in the client:
//
//	var OutOfCredit = problem.Define("https://example.com/probs/out-of-credit",
//		"You do not have enough credit.", 403, "Top up the account, then send the order again.")
//
//	return OutOfCredit.New(problem.Extension("balance", 30))
//
// A client reads a problem with [CheckResponse], or checks every response with a
// [Transport]:
//
//	if err := problem.CheckResponse(res); errors.Is(err, OutOfCredit) {
//
// [From] converts any error into a problem, and a [Mapping] adds the errors of an
// application to those that From knows. [BadBody] converts an error of decoding
// the body of a request. [Validation] collects the faults of a request.
//
// A problem can be encoded as JSON, XML or an HTML page, and decoded from JSON
// and XML. Package typedoc documents the types of a service, as web pages and in
// OpenAPI. Package status is the catalogue of status codes.
//
// The exported fields of [Details] are for the client. The cause is for the log:
// it is unexported, and no encoder writes it.
//
// The package does not log, does not use a ResponseWriter, and never copies the
// message of an error into a problem.
package problem
