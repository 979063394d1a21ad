// Package problem describes failures to the clients of an HTTP service in the
// format of RFC 9457, and reads such descriptions back.
//
// Start with [New]: a status code, and whatever the client may know besides.
// The title and the detail come from the status catalogue, [Lookup], unless
// options say otherwise:
//
//	problem.New(404)
//	problem.New(409, problem.Detail("the order was paid in the meantime"), problem.Cause(err))
//
// A kind of failure that clients should tell apart by more than its status is
// a [Type]. Two problems are the same failure when their type URIs are equal,
// so [errors.Is] works with a type on the server and on the client:
//
//	var OutOfCredit = problem.Define("https://example.com/probs/out-of-credit",
//		"You do not have enough credit.", 403, "Top up the account, then send the order again.")
//
//	return OutOfCredit.New(problem.Extension("balance", 30))
//
// A client reads it back with [CheckResponse], or has every request checked by a
// [Transport]:
//
//	if err := problem.CheckResponse(res); errors.Is(err, OutOfCredit) {
//
// [From] returns what any error means to the client, and a [Mapping] adds what an
// application's own errors mean. [BadBody] is for those of reading the body of a
// request, and [Validation] collects what is wrong with it.
//
// A problem is written as JSON, XML or a page for people, and read from the
// first two. Package typedoc documents the types of a service: as the
// pages that their URIs lead to, and in OpenAPI. Package status has the codes.
//
// Exported fields of [Details] are for the client. The cause is for the log:
// it is unexported, and no encoder can reach it.
//
// The package never sees a ResponseWriter. It does not log, and it never puts
// the text of an error into a problem; package respond writes the response.
package problem
