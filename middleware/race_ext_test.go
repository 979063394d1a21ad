//go:build race

package middleware_test

// Under the race detector a sync.Pool drops what it is given now and then, so
// that allocations cannot be counted.
const underRace = true
