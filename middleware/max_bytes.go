package middleware

import (
	"fmt"
	"net/http"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// MaxBytes limits request bodies to n bytes. A request that declares a longer body
// receives a 413 at once. If a body turns out to be longer, the handler's Read
// returns an *http.MaxBytesError, which [problem.From] turns into a 413. In both
// cases an HTTP/1 connection is closed after the response, so that the rest of the
// body is not read.
//
// MaxBytes panics if n is negative.
func MaxBytes(n int64) func(http.Handler) http.Handler {
	return MaxBytesWith(MaxBytesOptions{Limit: n})
}

// MaxBytesOptions are the settings of [MaxBytesWith]. The zero value permits no
// body at all.
type MaxBytesOptions struct {
	// Limit is the maximum length of a body in bytes.
	Limit int64
	// Responder writes the 413. Nil means the Responder in effect: that of a
	// Normalize outside, or the defaults of package respond.
	Responder *respond.Responder
}

// MaxBytesWith is [MaxBytes] with settings.
//
// MaxBytesWith panics if Limit is negative.
func MaxBytesWith(o MaxBytesOptions) func(http.Handler) http.Handler {
	if o.Limit < 0 {
		panic(fmt.Sprintf("middleware: MaxBytes: %d is negative", o.Limit))
	}
	return func(next http.Handler) http.Handler {
		mustHandler("MaxBytes", next)
		return &maxBytesHandler{router{next}, o}
	}
}

type maxBytesHandler struct {
	router
	options MaxBytesOptions
}

func (h *maxBytesHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.ContentLength > h.options.Limit:
		if r.ProtoMajor < 2 {
			w.Header().Set("Connection", "close")
		}
		problemTo(h.options.Responder, w, r, problem.New(http.StatusRequestEntityTooLarge,
			problem.Detailf("The body is %d bytes long. At most %d are accepted.", r.ContentLength, h.options.Limit)))
	case r.Body == nil || r.Body == http.NoBody: // a proxy inside must see that there is none
		h.next.ServeHTTP(w, r)
	default:
		exchange.ServeBody(h.next, w, r, exchange.LimitBody(w, r, h.options.Limit))
	}
}

// problemTo writes a problem through p, or through the Responder in effect if p is
// nil.
func problemTo(p *respond.Responder, w http.ResponseWriter, r *http.Request, d *problem.Details) {
	if p != nil {
		p.Problem(w, r, d)
		return
	}
	respond.Problem(w, r, d)
}
