package main

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/rejoinder-go/rejoinder/examples/orders/api"
)

// store keeps orders in memory, and is independent of HTTP. It is safe for concurrent
// use.
type store struct {
	mu     sync.Mutex
	owners map[int]string
	orders map[int]api.Order
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

func newStore() *store {
	return &store{owners: make(map[int]string), orders: make(map[int]api.Order)}
}

// all returns the orders of an owner, the oldest first.
func (s *store) all(owner string) []api.Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := []api.Order{}
	for id := 1; id <= s.lastID; id++ {
		if o, ok := s.orders[id]; ok && s.owners[id] == owner {
			found = append(found, o)
		}
	}
	return found
}

func (s *store) create(owner string, in api.OrderRequest) (api.Order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.put(api.Order{ID: s.lastID + 1}, in)
	if err == nil {
		s.lastID++
		s.owners[o.ID] = owner
	}
	return o, err
}

func (s *store) read(owner, id string) (api.Order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.get(owner, id)
}

// update changes an order, unless allowed returns an error for its current state. No
// other request can change the order in between.
func (s *store) update(owner, id string, in api.OrderRequest, allowed func(api.Order) error) (api.Order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current, err := s.getAllowed(owner, id, allowed)
	if err != nil {
		return api.Order{}, err
	}
	return s.put(current, in)
}

func (s *store) remove(owner, id string, allowed func(api.Order) error) (api.Order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current, err := s.getAllowed(owner, id, allowed)
	if err != nil {
		return api.Order{}, err
	}
	delete(s.orders, current.ID)
	delete(s.owners, current.ID)
	return current, nil
}

// The methods below need the lock.

// getAllowed returns an order, unless allowed returns an error for its current state.
func (s *store) getAllowed(owner, id string, allowed func(api.Order) error) (api.Order, error) {
	current, err := s.get(owner, id)
	if err == nil {
		err = allowed(current)
	}
	return current, err
}

// get returns an order. That of another owner does not exist.
func (s *store) get(owner, id string) (api.Order, error) {
	n, err := strconv.Atoi(id)
	o, ok := s.orders[n]
	if err != nil || !ok || s.owners[n] != owner {
		return api.Order{}, fmt.Errorf("order %q: %w", id, errNoOrder)
	}
	return o, nil
}

func (s *store) put(o api.Order, in api.OrderRequest) (api.Order, error) {
	left := stock
	for _, other := range s.orders {
		if other.Item == in.Item && other.ID != o.ID {
			left -= other.Quantity
		}
	}
	if in.Quantity > left {
		return api.Order{}, &shortageError{in.Item, left}
	}
	o.Item, o.Quantity = in.Item, in.Quantity
	o.Revision++
	o.Changed = time.Now().UTC()
	s.orders[o.ID] = o
	return o, nil
}
