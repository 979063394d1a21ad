// Package respond writes the responses of an HTTP service.
//
// Start with [Error]: respond.Error(w, 503) responds with the status code, the
// documented reason and description of it, and the header that a problem
// document needs (RFC 9457). A handler that has an error in hand calls [Fail],
// or returns the error and is wrapped by [Handler]:
//
//	mux.Handle("GET /orders/{id}", respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
//		order, err := store.Order(r.PathValue("id"))
//		if err != nil {
//			return err // problem.From knows what it means to the client
//		}
//		respond.JSON(w, 200, order)
//		return nil
//	}))
//
// What a failure means, how it is logged and in which language it is described is
// set in a [Responder]. The functions of the package use the one that
// middleware.NormalizeWith was given around the handler, and the defaults
// elsewhere.
//
// Successes have a function for what their code requires, such as [Created],
// [Accepted], [NoContent] and [Redirect]. Each of them is complete before its
// first byte is sent. [Conditional] and [Validators] handle conditional requests;
// [NDJSON], [JSONSeq] and [Events] send what an iterator yields.
//
// Every function may be called for any method and version of HTTP. None of them
// ends the handler, and of two responses the first counts.
//
// It decides nothing: what an error means is package problem's to say, and
// whether a request may pass is package middleware's. It never sends the text
// of an error that is not a problem.
package respond
