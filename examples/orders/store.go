package main

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/rejoinder-go/rejoinder/examples/orders/api"
)

// store keeps orders in memory. It knows nothing of HTTP.
type store struct {
	mu     sync.Mutex
	owners map[int]string
	orders map[int]api.Order
	lastID int
}

var errNoOrder = errors.New("no such order")

// shortageError says that there is less of an item than was ordered.
type shortageError struct {
	item      string
	available int
}

func (e *shortageError) Error() string {
	return fmt.Sprintf("only %d of %q left", e.available, e.item)
}

// stock is what there is of every item.
const stock = 10

func newStore() *store {
	return &store{owners: make(map[int]string), orders: make(map[int]api.Order)}
}

// all returns the orders of an owner by their age.
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

func (s *store) create(owner string, wish api.Wish) (api.Order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.put(api.Order{ID: s.lastID + 1}, wish)
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

// update changes an order unless allowed has something against the current one.
// Nothing can change it in between.
func (s *store) update(owner, id string, wish api.Wish, allowed func(api.Order) error) (api.Order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current, err := s.get(owner, id)
	if err == nil {
		err = allowed(current)
	}
	if err != nil {
		return api.Order{}, err
	}
	return s.put(current, wish)
}

func (s *store) remove(owner, id string, allowed func(api.Order) error) (api.Order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current, err := s.get(owner, id)
	if err == nil {
		err = allowed(current)
	}
	if err != nil {
		return api.Order{}, err
	}
	delete(s.orders, current.ID)
	delete(s.owners, current.ID)
	return current, nil
}

// get and put need the lock. The order of another owner is not there.
func (s *store) get(owner, id string) (api.Order, error) {
	n, err := strconv.Atoi(id)
	o, ok := s.orders[n]
	if err != nil || !ok || s.owners[n] != owner {
		return api.Order{}, fmt.Errorf("order %q: %w", id, errNoOrder)
	}
	return o, nil
}

func (s *store) put(o api.Order, wish api.Wish) (api.Order, error) {
	left := stock
	for _, other := range s.orders {
		if other.Item == wish.Item && other.ID != o.ID {
			left -= other.Quantity
		}
	}
	if wish.Quantity > left {
		return api.Order{}, &shortageError{wish.Item, left}
	}
	o.Item, o.Quantity = wish.Item, wish.Quantity
	o.Revision++
	o.Changed = time.Now().UTC()
	s.orders[o.ID] = o
	return o, nil
}
