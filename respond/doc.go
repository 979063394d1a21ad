// Package respond writes the responses of an HTTP service.
//
// Start with [Error]: respond.Error(w, 503) sends a problem document (RFC 9457)
// with the documented reason and description of the status code, and the header
// fields that the response requires. A handler that has an error calls [Fail],
// or returns the error and is wrapped by [Handler]:
//
//	mux.Handle("GET /orders/{id}", respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
//		order, err := store.Order(r.PathValue("id"))
//		if err != nil {
//			return err // problem.From decides what the client reads
//		}
//		respond.JSON(w, 200, order)
//		return nil
//	}))
//
// A [Responder] configures how problems are mapped from errors, rendered,
// translated and logged. The functions of this package use the Responder of the
// innermost middleware.NormalizeWith around the handler, and the defaults where
// there is none.
//
// Successful responses have a function for what their status code requires, such
// as [Created], [Accepted], [NoContent] and [Redirect]. Their body is encoded
// before the first byte is sent, so that a failure can still be reported.
// [Conditional] and [Validators] implement conditional requests. [NDJSON],
// [JSONSeq] and [Events] stream the values of an iterator.
//
// All functions may be called for any method and any version of HTTP. They do not
// end the handler, and after a first response a second one is not sent.
//
// The package makes no decisions: package problem decides what an error means,
// and package middleware which requests are handled. The message of an error that
// is not a problem is never sent to a client.
package respond
