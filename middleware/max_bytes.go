package middleware

import (
	"fmt"
	"net/http"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// MaxBytes bounds the body of a request to n bytes. A request that declares
// more gets 413 at once; one that turns out to have more fails in the handler's
// Read with an *http.MaxBytesError, which [problem.From] turns into a 413.
// Either way an HTTP/1 connection is closed after the response, so that the rest
// is not read.
//
// MaxBytes panics if n is negative.
func MaxBytes(n int64) func(http.Handler) http.Handler {
	return MaxBytesWith(MaxBytesOptions{Limit: n})
}

// MaxBytesOptions are settings of [MaxBytesWith].
type MaxBytesOptions struct {
	// Limit is how long a body may be, in bytes. Zero permits none.
	Limit int64
	// Responder writes the 413. Nil means the one in effect: that of a
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
		return &bounded{router{next}, o}
	}
}

type bounded struct {
	router
	options MaxBytesOptions
}

func (b *bounded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.ContentLength > b.options.Limit:
		if r.ProtoMajor < 2 {
			w.Header().Set("Connection", "close")
		}
		problemTo(b.options.Responder, w, r, problem.New(http.StatusRequestEntityTooLarge,
			problem.Detailf("The body is %d bytes long. At most %d are accepted.", r.ContentLength, b.options.Limit)))
	case r.Body == nil || r.Body == http.NoBody: // stays what it is, also to a proxy
		b.next.ServeHTTP(w, r)
	default:
		exchange.ServeBody(b.next, w, r, exchange.LimitBody(w, r, b.options.Limit))
	}
}

// problemTo writes a problem through p, or through the Responder in effect if
// there is no p.
func problemTo(p *respond.Responder, w http.ResponseWriter, r *http.Request, d *problem.Details) {
	if p != nil {
		p.Problem(w, r, d)
		return
	}
	respond.Problem(w, r, d)
}
