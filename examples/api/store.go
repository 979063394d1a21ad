package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
)

type order struct {
	ID       int       `json:"id"`
	Item     string    `json:"item"`
	Quantity int       `json:"quantity"`
	Revision int       `json:"revision"`
	Changed  time.Time `json:"changed"`
}

// store keeps orders in memory, and is independent of HTTP. It is safe for concurrent
// use.
type store struct {
	mu     sync.Mutex
	orders map[int]order
	lastID int
}

var errNoOrder = errors.New("no such order")

// shortageError reports that there is less of an item than was ordered.
type shortageError struct {
	item      string
	available int
}

func (e *shortageError) Error() string {
	return fmt.Sprintf("only %d of %q left", e.available, e.item)
}

// stock is the quantity of each item.
const stock = 10

func newStore() *store { return &store{orders: make(map[int]order)} }

func (s *store) create(o order) (order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastID++
	o.ID = s.lastID
	return s.put(o)
}

func (s *store) read(id string) (order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.get(id)
}

// update changes an order, unless allowed returns an error for its current state. No
// other request can change the order in between.
func (s *store) update(id string, changed order, allowed func(order) error) (order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current, err := s.get(id)
	if err != nil {
		return order{}, err
	}
	if err := allowed(current); err != nil {
		return order{}, err
	}
	changed.ID, changed.Revision = current.ID, current.Revision
	return s.put(changed)
}

func (s *store) remove(id string, allowed func(order) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	current, err := s.get(id)
	if err != nil {
		return err
	}
	if err := allowed(current); err != nil {
		return err
	}
	delete(s.orders, current.ID)
	return nil
}

// all iterates over the orders that exist when it begins.
func (s *store) all(ctx context.Context) iter.Seq2[order, error] {
	return func(yield func(order, error) bool) {
		s.mu.Lock()
		ids := slices.Sorted(maps.Keys(s.orders))
		s.mu.Unlock()
		for _, id := range ids {
			s.mu.Lock()
			o, ok := s.orders[id]
			s.mu.Unlock()
			if ok && !yield(o, ctx.Err()) {
				return
			}
		}
	}
}

// The caller of get and put must hold s.mu.
func (s *store) get(id string) (order, error) {
	n, err := strconv.Atoi(id)
	o, ok := s.orders[n]
	if err != nil || !ok {
		return order{}, fmt.Errorf("order %q: %w", id, errNoOrder)
	}
	return o, nil
}

func (s *store) put(o order) (order, error) {
	left := stock
	for _, other := range s.orders {
		if other.Item == o.Item && other.ID != o.ID {
			left -= other.Quantity
		}
	}
	if o.Quantity > left {
		return order{}, &shortageError{o.Item, left}
	}
	o.Revision++
	o.Changed = time.Now().UTC()
	s.orders[o.ID] = o
	return o, nil
}
