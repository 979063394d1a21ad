package exchange

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// clientGone reports whether the client left before it had the response: its
// connection is dead, or it gave the request up. That the context of the request
// has ended is not enough: a server cancels it, too, and so does a timeout of a
// read. It is meant for the end of the exchange.
//
// A client that only closed the sending half of its connection cannot be told
// from one that left, so it counts as one unless the response had begun before.
func (w *Writer) clientGone(took time.Duration) bool {
	ctx := w.x.Request.Context()
	if !errors.Is(ctx.Err(), context.Canceled) {
		return false
	}
	if w.x.Request.ProtoMajor >= 2 && !w.gone && w.isComplete() {
		return false // the end of the stream is the end of the context
	}
	if m := w.x.rare; m != nil {
		if !m.Deadline.IsZero() && !time.Now().Before(m.Deadline) {
			return false
		}
		if isBroken(m.WriteErr) {
			return true
		}
	}
	return w.disconnected() && !w.readTimedOut(took) && (w.gone || !w.isComplete())
}

// isBroken reports whether a write failed because the connection is dead, and not
// because its time was over or it was longer than it should be.
func isBroken(err error) bool {
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, http.ErrContentLength) &&
		!strings.Contains(err.Error(), "declared Content-Length") && !errors.Is(err, http.ErrHandlerTimeout)
}

// noticeWithin is how long net/http may take to tell that a client left when it
// has ended the context: another goroutine does both, one after the other.
const noticeWithin = 20 * time.Millisecond

// disconnected asks net/http whether the client is away: only its CloseNotifier
// knows nothing of other reasons for which a context ends.
func (w *Writer) disconnected() bool {
	if m := w.x.rare; m != nil && m.Left {
		return true
	}
	base := w.base
	for range maxLayers {
		if n, ok := base.(closeNotifier); ok && shape(base) != 0 {
			left := notified(n.CloseNotify())
			if left { // it tells one reader only
				w.x.Rare().Left = true
			}
			return left
		}
		u, ok := base.(unwrapper)
		if !ok {
			break
		}
		base = u.Unwrap()
	}
	return context.Cause(w.x.Request.Context()) == context.Canceled
}

func notified(c <-chan bool) bool {
	timer := time.NewTimer(noticeWithin)
	defer timer.Stop()
	select {
	case <-c:
		return true
	case <-timer.C:
		return false
	}
}

// readTimedOut reports whether net/http's server may have taken its own
// ReadTimeout for a client that left.
func (w *Writer) readTimedOut(took time.Duration) bool {
	srv, _ := w.x.Request.Context().Value(http.ServerContextKey).(*http.Server)
	return srv != nil && srv.ReadTimeout > 0 && took >= srv.ReadTimeout*9/10
}

// isComplete reports whether the client has all of a response whose end it knows:
// the header for HEAD, otherwise as many bytes as were declared. net/http itself
// ends the context of HTTP/2 then.
func (w *Writer) isComplete() bool {
	if w.x.Method == http.MethodHead {
		return w.OnWire()
	}
	declared := w.base.Header()["Content-Length"]
	if len(declared) != 1 {
		return false
	}
	n, err := strconv.ParseInt(declared[0], 10, 64)
	return err == nil && n <= w.bytes && n > 0
}
