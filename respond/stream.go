package respond

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
)

// NDJSON responds with 200 and one line of JSON for each record, which is sent as
// soon as the iterator yields it. Return its error from a [Handler]:
//
//	return respond.NDJSON(w, r, store.Orders(r.Context()))
//
// If the iterator yields an error before its first record, nothing has been sent,
// and the error is returned to be handled like any other. If it fails later, if a
// record cannot be encoded, or if the context of the request ends, the last record
// is the problem that the error means, so that the client knows that the list is
// not complete; the error is returned to be logged.
//
// An iterator that waits for records should watch the context. The response to
// HEAD has no body, and reads only the first record.
func NDJSON[T any](w http.ResponseWriter, r *http.Request, records iter.Seq2[T, error]) error {
	s := newStreamer(w, r, "application/x-ndjson")
	return stream(s, records, encodeLine[T], func(d *problem.Details) error { return encodeLine(s, d) })
}

// JSONSeq is [NDJSON] in the format of RFC 7464, application/json-seq: each record
// begins with a record separator, so that a reader can recover from a record that
// was cut off.
func JSONSeq[T any](w http.ResponseWriter, r *http.Request, records iter.Seq2[T, error]) error {
	s := newStreamer(w, r, "application/json-seq")
	return stream(s, records, encodeSequence[T], func(d *problem.Details) error { return encodeSequence(s, d) })
}

func encodeLine[T any](s *streamer, record T) error { return s.Encode(record) }

func encodeSequence[T any](s *streamer, record T) error {
	s.buf.WriteByte(0x1e)
	return s.Encode(record)
}

// Event is one server-sent event, as HTML defines it. The zero Event sends nothing.
// An Event that has only a Comment keeps the connection alive.
type Event struct {
	// ID is what a client sends in Last-Event-ID when it reconnects.
	ID string
	// Name is the type of the event. Empty means "message". The last event of a
	// stream that failed is named "problem".
	Name string
	// Data is sent as it is if it is a string, and as JSON otherwise. A client
	// does not dispatch an event whose Data is nil, but reads its ID and Retry.
	Data any
	// Retry is how long a client should wait before it reconnects, rounded up
	// to milliseconds. Zero leaves that to the client.
	Retry time.Duration
	// Comment is ignored by clients.
	Comment string
}

// Events responds with 200 and one server-sent event for each that the iterator
// yields. It sends the header at once, so that a client knows that it is connected
// before there is a first event. If the iterator yields an error, or the context of
// the request ends, the last event is named "problem" and has the problem that the
// error means as its data; the error is returned to be logged. The response to HEAD
// has no body, and the iterator is not called.
//
// A line break in Data or Comment continues the value on another line of the event;
// from ID and Name it is removed. So no value can begin a field of its own.
func Events(w http.ResponseWriter, r *http.Request, events iter.Seq2[Event, error]) error {
	s := newStreamer(w, r, eventStream)
	s.begin()
	if r.Method == http.MethodHead {
		return nil
	}
	if err := s.flush(); err != nil {
		return err
	}
	return stream(s, events, (*streamer).event, func(d *problem.Details) error {
		return s.event(Event{Name: "problem", Data: d})
	})
}

const eventStream = "text/event-stream"

// streamer writes the records of one response.
type streamer struct {
	*encoder
	w         http.ResponseWriter
	r         *http.Request
	rc        *http.ResponseController
	mediaType string
	begun     bool
}

func newStreamer(w http.ResponseWriter, r *http.Request, mediaType string) *streamer {
	return &streamer{encoders.Get().(*encoder), w, r, http.NewResponseController(w), mediaType, false}
}

// stream sends what records yields. encode appends a record to the buffer of s, and
// encodeProblem the problem that ends a stream which failed.
func stream[T any](s *streamer, records iter.Seq2[T, error], encode func(*streamer, T) error, encodeProblem func(*problem.Details) error) error {
	for record, err := range records {
		if err := cmp.Or(err, s.contextErr()); err != nil {
			return s.fail(err, encodeProblem)
		}
		if err := encode(s, record); err != nil {
			return s.fail(fmt.Errorf("respond: stream: %w", err), encodeProblem)
		}
		s.begin()
		if s.r.Method == http.MethodHead {
			return nil
		}
		if err := s.flush(); err != nil {
			return cmp.Or(s.contextErr(), err) // the context ended first, and broke the connection
		}
	}
	if err := s.contextErr(); err != nil { // the iterator may have ended because of it
		return s.fail(err, encodeProblem)
	}
	s.begin()
	s.release()
	return nil
}

// contextErr returns why the context of the request has ended, or nil.
func (s *streamer) contextErr() error {
	if ctx := s.r.Context(); ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// fail ends the response with the problem that err means, and returns err. If the
// response has not begun, the caller can still respond to err, so it sends nothing.
func (s *streamer) fail(err error, encodeProblem func(*problem.Details) error) error {
	if !s.begun {
		return err
	}
	s.buf.Reset() // it may hold half a record
	p, x := inEffect(s.w)
	y := p.replyTo(s.w, s.r, x)
	d, _ := y.resolve(p.Map.From(err), nil)
	if encodeProblem(y.complete(d)) == nil {
		_ = s.flush()
	}
	return err
}

// begin sends the header, once.
func (s *streamer) begin() {
	if s.begun {
		return
	}
	s.begun = true
	h := s.w.Header()
	delete(h, "Content-Length")
	v := [...]string{s.mediaType, "nosniff", "no"}
	values := v[:]
	h["Content-Type"] = values[0:1:1]
	h["X-Content-Type-Options"] = values[1:2:2]
	h["X-Accel-Buffering"] = values[2:3:3] // otherwise nginx delays the records
	if s.mediaType == eventStream && len(h["Cache-Control"]) == 0 {
		h["Cache-Control"] = []string{"no-cache"}
	}
	s.w.WriteHeader(http.StatusOK)
}

// flush sends the buffer. Where the ResponseWriter cannot flush, records arrive
// later, which is not an error.
func (s *streamer) flush() error {
	if s.buf.Len() > 0 {
		if _, err := s.w.Write(s.buf.Bytes()); err != nil {
			return err
		}
		s.buf.Reset()
	}
	if err := s.rc.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// event writes the fields of an event and the empty line that ends it.
func (s *streamer) event(e Event) error {
	s.field("", e.Comment)
	if name := oneLine(e.Name); name != "" {
		s.field("event", name)
	}
	switch data := e.Data.(type) {
	case nil:
	case string:
		if data == "" {
			s.buf.WriteString("data:\n")
		}
		s.field("data", data)
	default:
		text, err := json.Marshal(data) // without line breaks
		if err != nil {
			return err
		}
		s.field("data", string(text))
	}
	if id := oneLine(e.ID); id != "" {
		s.field("id", id)
	}
	if e.Retry > 0 {
		s.field("retry", strconv.FormatInt(milliseconds(e.Retry), 10))
	}
	if s.buf.Len() > 0 {
		s.buf.WriteByte('\n')
	}
	return nil
}

// field writes one line for each line of the value, and none for an empty value. A
// line of an event stream ends with CR, LF or both.
func (s *streamer) field(name, value string) {
	if value == "" {
		return
	}
	value = strings.ReplaceAll(value, "\r\n", "\n")
	value = strings.ReplaceAll(value, "\r", "\n")
	for l := range strings.SplitSeq(value, "\n") {
		s.buf.WriteString(name)
		s.buf.WriteString(": ")
		s.buf.WriteString(l)
		s.buf.WriteByte('\n')
	}
}

// oneLine removes line ends, and NUL, because of which a client would ignore an id.
func oneLine(s string) string { return lineEnds.Replace(s) }

var lineEnds = strings.NewReplacer("\r", "", "\n", "", "\x00", "")

// milliseconds rounds up: with 0 a browser would reconnect at once.
func milliseconds(d time.Duration) int64 {
	n := d.Milliseconds()
	if d > time.Duration(n)*time.Millisecond {
		n++
	}
	return n
}
