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
// connection is dead, or it cancelled the request. A context that has ended is not
// proof, since a server's shutdown and a read timeout end it as well. Call it at
// the end of the exchange.
//
// A client that closed only the sending half of its connection looks like one that
// left, and counts as one unless the response had begun.
func (w *Writer) clientGone(took time.Duration) bool {
	ctx := w.x.Request.Context()
	if !errors.Is(ctx.Err(), context.Canceled) {
		return false
	}
	if w.x.Request.ProtoMajor >= 2 && !w.gone && w.isComplete() {
		return false // the end of the stream is the end of the context
	}
	if d := w.x.deadlines(); d != nil && d.passed() || w.writeTimedOut(took) {
		return false
	}
	if extra := w.x.PeekExtra(); extra != nil && extra.WriteErr != nil {
		if errors.Is(extra.WriteErr, os.ErrDeadlineExceeded) { // for which net/http has ended the context
			return false
		}
		if isBroken(extra.WriteErr) {
			return true
		}
	}
	return w.disconnected() && !w.readTimedOut(took) && (w.gone || !w.isComplete())
}

// deadlines are those that were set in place of the server's.
type deadlines struct {
	read, write time.Time
	ownWrite    bool // there was a write deadline, perhaps none at all
	timedOut    bool // one had passed before the next was set
}

// deadlines returns those that were set, or nil.
func (x *Exchange) deadlines() *deadlines {
	extra := x.PeekExtra()
	if extra == nil {
		return nil
	}
	return extra.deadlines.Load()
}

// noteDeadline changes the deadlines with set, atomically.
func (x *Exchange) noteDeadline(set func(*deadlines)) {
	extra := x.Extra()
	for {
		old, now := extra.deadlines.Load(), new(deadlines)
		if old != nil {
			*now = *old
		}
		set(now)
		if extra.deadlines.CompareAndSwap(old, now) {
			return
		}
	}
}

// setRead records a read deadline. One that passes ends the context, since net/http
// always reads from an HTTP/1 connection.
func (d *deadlines) setRead(t time.Time) {
	d.timedOut = d.timedOut || isPast(d.read)
	d.read = t
}

// setWrite records a write deadline. One that passes while nothing is written does
// no harm on HTTP/1.
func (d *deadlines) setWrite(t time.Time, proto int) {
	d.timedOut = d.timedOut || isPast(d.write) && proto >= 2
	d.write, d.ownWrite = t, true
}

func (d *deadlines) passed() bool { return d.timedOut || isPast(d.read) || isPast(d.write) }

func isPast(t time.Time) bool { return !t.IsZero() && !time.Now().Before(t) }

// isBroken reports whether a write failed because the connection is dead, and not
// because it was longer than it should be or a layer refused it.
func isBroken(err error) bool {
	return !errors.Is(err, http.ErrHandlerTimeout) &&
		!strings.Contains(err.Error(), "declared Content-Length") // http.ErrContentLength, and that of HTTP/2
}

// noticeWithin is how long net/http may take to report that a client left after it
// has ended the context: another goroutine does both, one after the other.
const noticeWithin = 20 * time.Millisecond

// disconnected reports whether the client has left. Only net/http's CloseNotifier
// distinguishes that from other reasons for which a context ends.
func (w *Writer) disconnected() bool {
	if extra := w.x.PeekExtra(); extra != nil && extra.Left {
		return true
	}
	base := w.base
	for range maxLayers {
		if shape(base) != 0 { // that of a foreign layer may panic
			left := notified(base.(closeNotifier).CloseNotify())
			if left { // only one reader learns of it
				w.x.Extra().Left = true
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

// readTimedOut reports whether net/http's server may have mistaken its own
// ReadTimeout for a client that left.
func (w *Writer) readTimedOut(took time.Duration) bool {
	srv, _ := w.x.Request.Context().Value(http.ServerContextKey).(*http.Server)
	return srv != nil && srv.ReadTimeout > 0 && took >= srv.ReadTimeout*9/10
}

// writeTimedOut reports whether the WriteTimeout of net/http's server is over,
// after which nothing can be sent. A handler may have set another deadline.
func (w *Writer) writeTimedOut(took time.Duration) bool {
	if d := w.x.deadlines(); d != nil && d.ownWrite {
		return false
	}
	srv, _ := w.x.Request.Context().Value(http.ServerContextKey).(*http.Server)
	return srv != nil && srv.WriteTimeout > 0 && took >= srv.WriteTimeout*9/10
}

// isComplete reports whether the client has a whole response whose end it knows:
// the header for HEAD, otherwise as many bytes as were declared. net/http itself
// ends the context of HTTP/2 then.
func (w *Writer) isComplete() bool {
	switch declared := w.base.Header()["Content-Length"]; {
	case !w.OnWire():
		return false
	case w.x.Head:
		return true
	case len(declared) != 1:
		return false
	default:
		n, err := strconv.ParseUint(declared[0], 10, 63)
		return err == nil && int64(n) <= w.bytes
	}
}
