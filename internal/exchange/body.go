package exchange

import (
	"errors"
	"io"
	"net/http"
	"strings"
)

// LimitBody returns the body of r, limited to n bytes as by http.MaxBytesReader. If
// it is longer, the connection of an HTTP/1 request is closed after the response,
// even if w is not net/http's own ResponseWriter (go.dev/issue/73754).
func LimitBody(w http.ResponseWriter, r *http.Request, n int64) io.ReadCloser {
	return &limitedBody{http.MaxBytesReader(nil, r.Body, n), w}
}

type limitedBody struct {
	io.ReadCloser
	w http.ResponseWriter // nil once the connection will be closed
}

func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok && b.w != nil {
		refuseRest(b.w)
		b.w = nil
	}
	return n, err
}

// refuseRest makes net/http close the connection after the response. Its
// ResponseWriter has an unexported method for that, which only
// http.MaxBytesReader calls.
func refuseRest(w http.ResponseWriter) {
	for range maxLayers {
		if x, _ := lookup(w); x != nil {
			x.Extra().Unread = true
			if g := x.behind(); g != nil {
				if g.enter(false) == nil {
					refuseRest(g.base)
					g.leave()
				}
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
