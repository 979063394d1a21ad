package middleware

import (
	"io"
	"net/http"
)

// writePending takes bytes for an answer whose header waits, or is out and
// wants none.
func (w *writer) writePending(p []byte) (int, error) {
	switch w.state.Load() {
	case hijacked:
		return 0, http.ErrHijacked
	case bodiless:
		return 0, http.ErrBodyNotAllowed
	case closed:
		return 0, errReturned
	case swallow:
		w.more().dropped += int64(len(p))
		return len(p), nil
	case undecided:
		if len(p) == 0 {
			return 0, nil
		}
		w.state.Store(w.judge(p))
		return w.Write(p)
	case explicit:
		if len(p) == 0 {
			return 0, nil
		}
		w.pass()
		return w.Write(p)
	}
	return w.collect(p)
}

// collect takes the text of an error, or lets it pass when it turns out to be
// long.
func (w *writer) collect(p []byte) (int, error) {
	state := w.state.Load()
	switch {
	case state == complete: // http.Error writes once: this is an accident
		w.more().dropped += int64(len(p))
	case w.frozen:
		m := w.more()
		m.dropped += int64(len(p))
		if m.withheld == "" {
			m.withheld = bounded(p)
		}
	case state == document:
		m := w.more()
		if len(m.document)+len(p) > maxDocument {
			w.pass()
			return w.Write(p)
		}
		m.document = append(m.document, p...)
	case len(w.text)+len(p) > w.norm.MaxText:
		w.pass()
		return w.Write(p)
	case state != held || !isCanned(int(w.status), p): // else nothing is lost without it
		w.text += string(p)
	}
	if state == held && len(p) > 0 {
		w.state.Store(complete)
	}
	return len(p), nil
}

// maxDocument is the size in bytes up to which a problem is turned into
// another form.
const maxDocument = 64 << 10

// pass sends the header that waits, and what was collected, as they are.
func (w *writer) pass() {
	w.prepare(int(w.status))
	w.commit(int(w.status))
	if w.text != "" {
		_, _ = w.WriteString(w.text) // an error shows in the next write
		w.text = ""
	}
	if w.rare != nil && w.rare.document != nil {
		_, _ = w.Write(w.rare.document)
		w.rare.document = nil
	}
}

// readPending is ReadFrom for an answer whose header waits.
func (w *writer) readPending(src io.Reader) (int64, error) {
	if state := w.state.Load(); state == explicit {
		w.pass()
		return w.readFrom(src)
	} else if state != undecided {
		return io.Copy(writeOnly{w}, src)
	}
	var first [512]byte // as many as decide a content type
	k, err := io.ReadFull(src, first[:])
	if k == 0 {
		if err == io.EOF {
			err = nil
		}
		return 0, err
	}
	n, werr := w.Write(first[:k])
	if werr != nil {
		return int64(n), werr
	}
	switch err {
	case nil:
	case io.EOF, io.ErrUnexpectedEOF:
		return int64(n), nil
	default:
		return int64(n), err
	}
	more, err := w.readFrom(src)
	return int64(n) + more, err
}

// release ends the waiting early, because the handler flushes (the answer goes
// on, so it may be a stream) or hijacks.
func (w *writer) release(flush bool) {
	switch w.state.Load() {
	case undecided, explicit:
		w.pass()
	default:
		if !flush {
			w.forget()
			w.pass()
			return
		}
		w.settle()
		if w.state.Load() == sent {
			w.state.Store(swallow)
		}
	}
}

// forget drops what was collected.
func (w *writer) forget() {
	w.text = ""
	if w.rare != nil {
		w.rare.document = nil
	}
}

// settle sends what waits at the end of the handler.
func (w *writer) settle() {
	state := w.state.Load()
	if !pending(state) || w.aborted {
		return
	}
	if state == document && w.sendDocument() {
		return
	}
	w.sendProblem()
}
