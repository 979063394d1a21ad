package main

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/rejoinder-go/rejoinder/respond"
)

// hub sends events to the open streams. It ends a stream that is too slow: its client
// reconnects, and lists the orders again.
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

// publish sends an event to the streams of a user. It never blocks.
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

// end ends all streams, and each that is opened later.
func (h *hub) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	for s := range h.streams {
		h.drop(s)
	}
}

// drop ends a stream, unless it has ended already. The caller must hold h.mu.
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

// events iterates over the events of a user. At each heartbeat it yields a comment, so
// that proxies keep the connection open and a broken one is detected.
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
