package exchange

import (
	"errors"
	"io"
	"net/http"
	"strings"
)

// LimitBody returns the body of r, of which more than n bytes fail with an
// *http.MaxBytesError, as http.MaxBytesReader has it. On HTTP/1 the connection is
// closed after the response then, also if w is not net/http's own writer
// (go.dev/issue/73754).
func LimitBody(w http.ResponseWriter, r *http.Request, n int64) io.ReadCloser {
	return &limitedBody{http.MaxBytesReader(nil, r.Body, n), w}
}

type limitedBody struct {
	io.ReadCloser
	w http.ResponseWriter // nil once it has been told
}

func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF && b.w != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			refuseRest(b.w)
			b.w = nil
		}
	}
	return n, err
}

// refuseRest has net/http close the connection after the response. Its writer
// has an unexported method for that, which only http.MaxBytesReader calls.
func refuseRest(w http.ResponseWriter) {
	for range maxLayers {
		if x, _ := lookup(w); x != nil {
			x.Rare().Unread = true
			if g := x.behind(); g != nil {
				if g.enter(false) == nil {
					refuseRest(g.base)
					g.leave()
				}
				return
			}
		}
		u, ok := w.(unwrapper)
		if !ok {
			break
		}
		w = u.Unwrap()
	}
	tooMuch := http.MaxBytesReader(w, io.NopCloser(strings.NewReader("x")), 0)
	_, _ = tooMuch.Read(make([]byte, 1))
}
