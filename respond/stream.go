package respond

import (
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

// NDJSON responds 200 with one line of JSON for each record, sent as soon as
// the iterator yields it. It is meant for a [Handler]:
//
//	return respond.NDJSON(w, r, store.Orders(r.Context()))
//
// If the iterator fails before its first record, nothing has been sent, and
// the error is returned to be handled as any other. If it fails later, or if
// a record cannot be encoded, the problem that stands for the error is the last
// record, and the error is returned to be logged: a reader knows that the list is
// not complete. So it is when the context of the request ends; when that is
// because the client left, nobody reads the record.
//
// The iterator should watch the context if it waits for records. The response to
// HEAD requests the first record only.
func NDJSON[T any](w http.ResponseWriter, r *http.Request, records iter.Seq2[T, error]) error {
	s := newStreamer(w, r, "application/x-ndjson")
	return stream(s, records, line[T], func(d *problem.Details) error { return line(s, d) })
}

// JSONSeq is [NDJSON] in the form of RFC 7464, application/json-seq: each
// record begins with a record separator, so that a reader gets over one that
// was cut off.
func JSONSeq[T any](w http.ResponseWriter, r *http.Request, records iter.Seq2[T, error]) error {
	s := newStreamer(w, r, "application/json-seq")
	return stream(s, records, separated[T], func(d *problem.Details) error { return separated(s, d) })
}

func line[T any](s *streamer, record T) error { return s.Encode(record) }

func separated[T any](s *streamer, record T) error {
	s.buf.WriteByte(0x1e)
	return s.Encode(record)
}

// Event is one server-sent event of the HTML standard. The zero Event is
// nothing; one that has a comment only keeps the connection alive.
type Event struct {
	// ID is what a client that lost the connection sends in Last-Event-ID.
	ID string
	// Name tells events apart. Empty means "message"; "problem" is the last
	// event of a stream that failed.
	Name string
	// Data is sent as it is if it is a string, and as JSON otherwise. Nil means
	// none; a client ignores an event without data but for its ID and Retry.
	Data any
	// Retry is how long a client should wait before it connects again, in
	// whole milliseconds, rounded up. Zero says nothing about it.
	Retry time.Duration
	// Comment is not shown to the reader.
	Comment string
}

// Events responds 200 with server-sent events, one for each that the iterator
// yields. The header is sent at once, before the first event, so that a client
// knows that it is connected. A failure, also that of the context, is an event
// with the name "problem" and the problem as its data, and the error is returned
// to be logged. The response to HEAD has no event, and the iterator is not
// called.
//
// A line break in a field begins no other field: in Data and Comment it
// continues them, from ID and Name it is removed.
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

// stream writes what records yields, and last what it failed with.
func stream[T any](s *streamer, records iter.Seq2[T, error], write func(*streamer, T) error, last func(*problem.Details) error) error {
	for record, err := range records {
		if err == nil {
			err = s.ended()
		}
		if err == nil {
			if err = write(s, record); err != nil {
				err = fmt.Errorf("respond: stream: %w", err)
			}
		}
		if err != nil {
			return s.fail(err, last)
		}
		s.begin()
		if s.r.Method == http.MethodHead {
			return nil
		}
		if err := s.flush(); err != nil {
			return s.lost(err)
		}
	}
	if err := s.ended(); err != nil { // it may be why there are no more records
		return s.fail(err, last)
	}
	s.begin()
	s.release()
	return nil
}

// ended returns why the context of the request has ended, or nil.
func (s *streamer) ended() error {
	if ctx := s.r.Context(); ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// lost returns why a write failed: rather what ended the request than what that
// did to the connection.
func (s *streamer) lost(err error) error {
	if ended := s.ended(); ended != nil {
		return ended
	}
	return err
}

// fail ends the response with the problem that err stands for. Before the
// response has begun that is left to the caller.
func (s *streamer) fail(err error, last func(*problem.Details) error) error {
	if !s.begun {
		return err
	}
	s.buf.Reset() // half a record may be in it
	p, x := inEffect(s.w)
	d := p.replyTo(s.w, s.r, x).finished(p.Map.From(err))
	if last(d) == nil {
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
	h["X-Accel-Buffering"] = values[2:3:3] // or nginx collects what should be seen at once
	if s.mediaType == eventStream && len(h["Cache-Control"]) == 0 {
		h["Cache-Control"] = []string{"no-cache"}
	}
	s.w.WriteHeader(http.StatusOK)
}

// flush sends what has been written. That a writer cannot flush only means
// that records arrive later.
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
		text, err := json.Marshal(data) // has no line breaks
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

// field writes one line for each line of the value, none for an empty value.
// A line of an event stream ends with CR, LF or both.
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

// oneLine removes what would end the line, and the NUL that makes a client
// ignore an id.
func oneLine(s string) string { return lineEnds.Replace(s) }

var lineEnds = strings.NewReplacer("\r", "", "\n", "", "\x00", "")

// milliseconds rounds up: with 0 a browser would connect again at once.
func milliseconds(d time.Duration) int64 {
	n := d.Milliseconds()
	if d > time.Duration(n)*time.Millisecond {
		n++
	}
	return n
}
