// Package respond writes the answers of an HTTP service.
//
// Start with [Error]: respond.Error(w, 503) answers with the status code, the
// documented reason and description of it, and the header that a problem
// document needs (RFC 9457). A handler that has an error in hand calls [Err],
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
// The functions of the package are the defaults; a [Responder] is the same
// with settings.
//
// It decides nothing: what an error means is package problem's to say, and
// whether a request may pass is package middleware's. It never sends the text
// of an error that is not a problem.
package respond
