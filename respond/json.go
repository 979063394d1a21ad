package respond

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
)

// JSON answers with the JSON of v. It is encoded before the status line is
// sent: if that fails, the client gets an Internal Server Error, and the log
// the reason. HTML is not escaped. A Content-Type that is set already is kept,
// for formats such as application/geo+json.
//
// As with all answers of the package that have content, the code may be any
// from 200 to 599: one that forbids content gets none, and a number that is no
// final answer is a mistake, which is logged and answered with 500.
func JSON(w http.ResponseWriter, code int, v any) {
	e := encoders.Get().(*encoder)
	if err := e.Encode(v); err != nil {
		failed(w, fmt.Errorf("respond: JSON: %w", err))
		return
	}
	mediaType := "application/json"
	if h := w.Header(); len(h) > 0 && len(h["Content-Type"]) > 0 {
		mediaType = h["Content-Type"][0]
	}
	send(w, code, mediaType, e.buf.Bytes())
	e.release()
}

// Created answers 201 with the address of the new resource in Location, which
// may be relative, and the JSON of v. A nil v is no content. Without a location
// the new resource is the target of the request itself.
func Created(w http.ResponseWriter, location string, v any) {
	locate(w.Header(), location)
	jsonOrNothing(w, http.StatusCreated, v)
}

// Accepted answers 202: the work goes on, and monitor is the address, which may
// be relative, where its progress can be seen. The client is told to ask there
// after the given time, rounded up to seconds; not if it is zero. A nil v is no
// content.
func Accepted(w http.ResponseWriter, monitor string, after time.Duration, v any) {
	locate(w.Header(), monitor)
	if after > 0 {
		seconds := (after-1)/time.Second + 1
		w.Header()["Retry-After"] = []string{strconv.FormatInt(int64(seconds), 10)}
	}
	jsonOrNothing(w, http.StatusAccepted, v)
}

func jsonOrNothing(w http.ResponseWriter, code int, v any) {
	if v == nil {
		sendNothing(w, code)
		return
	}
	JSON(w, code, v)
}

// encoder is a json.Encoder with the buffer that it writes to.
type encoder struct {
	*json.Encoder
	buf bytes.Buffer
}

var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.Encoder = json.NewEncoder(&e.buf)
	e.SetEscapeHTML(false)
	return e
}}

// release keeps the encoder for the next answer. One that failed is not worth
// it, and a large buffer was an exception.
func (e *encoder) release() {
	if e.buf.Cap() <= maxPooled {
		e.buf.Reset()
		encoders.Put(e)
	}
}

// failed responds with 500 where the response of a handler cannot be sent, and
// logs why.
func failed(w http.ResponseWriter, err error) {
	p, x := inEffect(w)
	p.reply(w, x).send(problem.New(http.StatusInternalServerError, problem.Cause(err)), nil)
}
