package main

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/rejoinder-go/rejoinder/respond"
)

// hub passes events on to the streams that are open. A stream that does not keep
// up is ended: its client connects again, and reads what it has missed.
type hub struct {
	mu      sync.Mutex
	streams map[*stream]struct{}
	ended   bool
}

type stream struct {
	user   string
	events chan respond.Event
}

func newHub() *hub { return &hub{streams: make(map[*stream]struct{})} }

// publish sends an event to the streams of a user. It never waits.
func (h *hub) publish(user string, e respond.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.streams {
		if s.user != user {
			continue
		}
		select {
		case s.events <- e:
		default:
			h.drop(s)
		}
	}
}

// end ends all streams, and those that are still to come.
func (h *hub) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	for s := range h.streams {
		h.drop(s)
	}
}

// drop needs the lock. It may be called twice.
func (h *hub) drop(s *stream) {
	if _, open := h.streams[s]; open {
		delete(h.streams, s)
		close(s.events)
	}
}

func (h *hub) join(user string) *stream {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &stream{user, make(chan respond.Event, 16)}
	h.streams[s] = struct{}{}
	if h.ended {
		h.drop(s)
	}
	return s
}

func (h *hub) leave(s *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(s)
}

// events yields the events of a user, and a comment wherever there was none for
// a while, so that proxies keep the connection and a dead one is noticed.
func (h *hub) events(ctx context.Context, user string, heartbeat time.Duration) iter.Seq2[respond.Event, error] {
	return func(yield func(respond.Event, error) bool) {
		s := h.join(user)
		defer h.leave(s)
		beat := time.NewTicker(heartbeat)
		defer beat.Stop()
		next := respond.Event{Comment: "connected", Retry: 2 * time.Second}
		for yield(next, nil) {
			select {
			case <-ctx.Done():
				return
			case <-beat.C:
				next = respond.Event{Comment: "heartbeat"}
			case e, open := <-s.events:
				if !open {
					return
				}
				next = e
			}
		}
	}
}
