package middleware

import (
	"log/slog"
	"net/http"

	"github.com/rejoinder-go/rejoinder/respond"
)

// Recover answers 500 for a handler that panics before it has sent anything,
// and logs the panic with its stack. If the answer has begun, it is cut short,
// so that the client does not take it for complete; net/http's server does
// that for http.ErrAbortHandler, which passes untouched.
//
// [Normalize] does the same; Recover is for a chain without it.
func Recover(next http.Handler) http.Handler { return Recoverer{}.Wrap(next) }

// Recoverer is [Recover] with settings. The zero value is Recover itself.
type Recoverer struct {
	// Responder writes the 500. Nil means the defaults of package respond.
	Responder *respond.Responder
	// Report is told of each panic, after the answer. Nil writes a record to
	// Logger.
	Report func(*http.Request, Report)
	// Logger is where panics go if Report is nil. Nil means slog.Default(), at
	// the time of the record.
	Logger *slog.Logger
}

// Wrap returns a handler that survives the panics of next.
//
// Panics if next is nil.
func (c Recoverer) Wrap(next http.Handler) http.Handler {
	mustHandler("Recover", next)
	return &recoverer{c, next}
}

type recoverer struct {
	Recoverer
	next http.Handler
}

func (c *recoverer) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w, face, r, owner := enter(rw, r)
	returned := false
	defer func() {
		var again any
		if !returned {
			again = w.caught(recover(), c.Responder)
		}
		if owner {
			w.close()
		}
		if !returned {
			c.report(w, r)
		}
		if again != nil {
			panic(again)
		}
	}()
	c.next.ServeHTTP(face, r)
	returned = true
}

func (c *recoverer) report(w *writer, r *http.Request) {
	if w.rare == nil || w.rare.panicked == nil || w.rare.told {
		return
	}
	w.rare.told = true
	rep := Report{Status: int(w.status), Asked: w.asked, Panic: w.rare.panicked, Stack: w.rare.stack}
	if c.Report != nil {
		c.Report(r, rep)
		return
	}
	rep.log(c.Logger, r)
}

// caught handles the end of a handler that did not return, and returns the
// value to panic with again, if any.
func (w *writer) caught(v any, p *respond.Responder) any {
	if v == nil { // runtime.Goexit
		w.aborted = true
		return nil
	}
	if v == http.ErrAbortHandler {
		w.aborted = true
		return v
	}
	m := w.more()
	if m.panicked == nil {
		m.told = false // a handler further in may have reported other things
	}
	if m.panicked == nil || m.stack == nil {
		m.panicked, m.stack = origin(v)
		if m.stack == nil {
			m.stack = stack()
		}
	}
	switch state := w.state.Load(); {
	case state == open || pending(state):
		w.forget()
		w.aborted = false // as a Capture further in may have thought
		w.status = http.StatusInternalServerError
		w.sendThrough(p, "")
		return nil
	case state == hijacked:
		_ = m.conn.Close() // net/http lets go of it, and nobody else would
	}
	w.aborted = true
	return http.ErrAbortHandler
}
