package redisstore

import (
	"github.com/redis/go-redis/v9"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

// What the tests of this package see of a store, besides what users see.

// Trusted is how long a refusal is remembered.
const Trusted = trusted

// Client returns the client of s.
func (s *Store) Client() redis.UniversalClient { return s.client }

// ForgetRefusals makes s call Redis again.
func (s *Store) ForgetRefusals() { s.denials = denials{} }

// SplitBySlots makes s treat a single server as a cluster.
func (s *Store) SplitBySlots() { s.sharded.Store(true) }

// UseScript makes s run another script.
func (s *Store) UseScript(text string) { s.script = newScript(text) }

// Slot returns the part of the name of b that Redis chooses the slot by.
func (s *Store) Slot(b ratelimit.Bucket) string { return s.key(b).slot }
