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

// NDJSON answers 200 with one line of JSON for each record, sent as soon as
// the iterator yields it. It is meant for a [Handler]:
//
//	return respond.NDJSON(w, r, store.Orders(r.Context()))
//
// If the iterator fails before its first record, nothing has been sent, and
// the error is returned to be answered as any other. If it fails later, or if
// a record cannot be encoded, the problem that [problem.From] makes of the
// error is the last record, and the error is returned to be logged: a reader
// knows that the list is not complete.
//
// When the client has gone, no further record is asked for, and the cause of
// the request's context is returned. The iterator should watch that context
// too if it waits for records. The answer to HEAD asks for the first record
// only.
func NDJSON[T any](w http.ResponseWriter, r *http.Request, records iter.Seq2[T, error]) error {
	return stream(w, r, "application/x-ndjson", records, line[T], func(s *streamer, d *problem.Details) error {
		return line(s, d)
	})
}

// JSONSeq is [NDJSON] in the form of RFC 7464, application/json-seq: each
// record begins with a record separator, so that a reader gets over one that
// was cut off.
func JSONSeq[T any](w http.ResponseWriter, r *http.Request, records iter.Seq2[T, error]) error {
	return stream(w, r, "application/json-seq", records, separated[T], func(s *streamer, d *problem.Details) error {
		return separated(s, d)
	})
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
	// whole milliseconds. Zero says nothing about it.
	Retry time.Duration
	// Comment is not shown to the reader.
	Comment string
}

// Events answers 200 with server-sent events, one for each that the iterator
// yields, and is otherwise as [NDJSON]. A failure after the first event is an
// event with the name "problem" and the problem as its data.
//
// A line break in a field begins no other field: in Data and Comment it
// continues them, from ID and Name it is removed.
func Events(w http.ResponseWriter, r *http.Request, events iter.Seq2[Event, error]) error {
	return stream(w, r, eventStream, events, (*streamer).event, func(s *streamer, d *problem.Details) error {
		return s.event(Event{Name: "problem", Data: d})
	})
}

const eventStream = "text/event-stream"

// streamer writes the records of one answer.
type streamer struct {
	*encoder
	w     http.ResponseWriter
	rc    *http.ResponseController
	begun bool
}

func stream[T any](w http.ResponseWriter, r *http.Request, mediaType string, records iter.Seq2[T, error],
	write func(*streamer, T) error, last func(*streamer, *problem.Details) error,
) error {
	s := &streamer{encoder: encoders.Get().(*encoder), w: w, rc: http.NewResponseController(w)}
	for record, err := range records {
		if r.Context().Err() != nil {
			return context.Cause(r.Context())
		}
		if err == nil {
			if err = write(s, record); err != nil {
				err = fmt.Errorf("respond: stream: %w", err)
			}
		}
		if err != nil && !s.begun {
			return err
		}
		if err != nil {
			s.buf.Reset() // half a record may be in it
			if last(s, problem.From(err)) == nil {
				_ = s.flush()
			}
			return err
		}
		s.begin(mediaType)
		if r.Method == http.MethodHead {
			break
		}
		err = s.flush()
		if r.Context().Err() != nil {
			return context.Cause(r.Context()) // rather than what it did to the connection
		}
		if err != nil {
			return err
		}
	}
	s.begin(mediaType)
	s.release()
	return nil
}

// begin sends the header, once.
func (s *streamer) begin(mediaType string) {
	if s.begun {
		return
	}
	s.begun = true
	h := s.w.Header()
	delete(h, "Content-Length")
	v := [...]string{mediaType, "nosniff"}
	values := v[:]
	h["Content-Type"] = values[0:1:1]
	h["X-Content-Type-Options"] = values[1:2:2]
	if mediaType == eventStream {
		if len(h["Cache-Control"]) == 0 {
			h["Cache-Control"] = []string{"no-cache"}
		}
		h["X-Accel-Buffering"] = []string{"no"} // else nginx collects what should be seen at once
	}
	s.w.WriteHeader(http.StatusOK)
}

// flush sends what has been written. That a writer cannot flush only means
// that records arrive later.
func (s *streamer) flush() error {
	if _, err := s.w.Write(s.buf.Bytes()); err != nil {
		return err
	}
	s.buf.Reset()
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
		s.field("retry", strconv.FormatInt(e.Retry.Milliseconds(), 10))
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
