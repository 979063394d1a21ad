package ratelimit

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// A client may have any number of keys: none is kept that is not there.
func TestSlotsForgetKeys(t *testing.T) {
	f := newInFlight(InFlightOptions{Max: 5, Key: func(r *http.Request) string { return r.URL.Path }, PerKey: 2, MaxWait: time.Millisecond})
	for i := range 100 {
		f.serve(httptest.NewRecorder(), httptest.NewRequest("GET", "/"+strconv.Itoa(i), nil), http.NotFoundHandler())
	}
	assert.Empty(t, f.slots.servedOf)
	assert.Empty(t, f.slots.waitingOf)
}

// departed is a context that has ended, but whose Done channel is never closed: as
// when a slot becomes free at the moment at which the client leaves.
type departed struct{ context.Context }

func (departed) Done() <-chan struct{} { return nil }
func (departed) Err() error            { return context.Canceled }

func TestSlotOfAClientThatLeavesIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slots{maxWaiting: 1, maxWait: time.Hour, servedOf: map[string]int{}, waitingOf: map[string]int{}}
		enter := func(ctx context.Context, priority int) *entryResult {
			got := entryResult(99)
			go func() { _, got = s.enter(ctx, candidate{priority: priority}, 1) }()
			synctest.Wait()
			return &got
		}
		assert.Equal(t, admitted, *enter(t.Context(), 0))
		gone := enter(departed{t.Context()}, 0)
		paying := enter(departed{t.Context()}, 1)
		assert.Equal(t, full, *gone, "driven out")
		assert.Equal(t, 1, s.served, "which frees no slot that it had not")
		s.leave("", 1)
		synctest.Wait()
		assert.Equal(t, full, *paying, "it got the slot, and has gone")
		assert.Zero(t, s.served)
		assert.Equal(t, admitted, *enter(t.Context(), 0))
	})
}

func TestSlotsQueueNoOneWhoIsDrivenOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slots{maxWaiting: 1, maxWait: time.Hour, servedOf: map[string]int{}, waitingOf: map[string]int{}}
		s.enter(t.Context(), candidate{}, 1)
		go s.enter(t.Context(), candidate{}, 1)
		synctest.Wait()
		s.mu.Lock()
		assert.True(t, s.makePlace(candidate{priority: 1}))
		assert.Empty(t, s.queue, "also before it notices")
		s.mu.Unlock()
	})
}

// Waiters that others displace are in no queue any more.
func TestSlotsForgetWaitersThatAreDisplaced(t *testing.T) {
	s := &slots{maxWaiting: 2, maxWait: time.Millisecond, servedOf: map[string]int{}, waitingOf: map[string]int{}}
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for range 300 {
				if _, got := s.enter(t.Context(), candidate{priority: i % 8}, 1); got == admitted {
					s.leave("", 1)
				}
			}
		})
	}
	wg.Wait()
	assert.Zero(t, s.served)
	assert.Empty(t, s.queue)
}
