package exchange

import (
	"context"
	"io"
	"net/http"
)

// Serve calls next with a copy of r that has the given context. It copies back to r
// what net/http and outer layers need.
func Serve(next http.Handler, w http.ResponseWriter, r *http.Request, ctx context.Context) {
	serveCopy(next, w, r, r.WithContext(ctx))
}

// ServeBody calls next with a copy of r that has the given body, and is otherwise
// like [Serve]. The request of net/http's server keeps its own body, whose type
// decides whether the server reads the rest (see http.MaxBytesHandler).
func ServeBody(next http.Handler, w http.ResponseWriter, r *http.Request, body io.ReadCloser) {
	inner := new(http.Request)
	*inner = *r
	inner.Body = body
	serveCopy(next, w, r, inner)
}

// serveCopy calls next with a copy of r. Net/http forgets the files of a form
// when a handler panics, and does not see them if a foreign layer has copied r:
// where there is no exchange, only this layer may know of them.
func serveCopy(next http.Handler, w http.ResponseWriter, r, inner *http.Request) {
	defer func() {
		bringBack(r, inner)
		form := inner.MultipartForm
		if form == nil {
			return
		}
		if x := Find(w); x != nil {
			bringForm(x.Request, inner)
		} else {
			_ = form.RemoveAll()
		}
	}()
	next.ServeHTTP(w, inner)
}

// bringBack copies back to r what a handler has set in its copy: the pattern that a
// ServeMux found, and the form.
func bringBack(r, inner *http.Request) {
	if inner.Pattern != "" {
		r.Pattern = inner.Pattern
	}
	bringForm(r, inner)
}

// bringForm copies back the form, whose temporary files net/http's server removes at
// the end.
func bringForm(r, inner *http.Request) {
	if r.MultipartForm == nil {
		r.MultipartForm = inner.MultipartForm
	}
}

// returned copies back, at the end of a layer, what the request that it served has
// if a foreign layer has copied it. The outermost layer hands the form to net/http.
func (x *Exchange) returned(r *http.Request) {
	if r != x.Current { // a layer further in has brought back the pattern of another router
		bringForm(x.Request, r)
		return
	}
	bringBack(x.Request, r)
	x.routed(r)
}

// ownCopy returns a copy of r that shares nothing with it that either side may
// change, except for the trailer, which net/http fills in while the body is read.
func ownCopy(r *http.Request, ctx context.Context, body io.ReadCloser) *http.Request {
	inner := r.Clone(ctx)
	inner.Body, inner.Trailer = body, r.Trailer
	return inner
}
