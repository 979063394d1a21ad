//go:build !race

// Package race reports whether the race detector is on: under it a
// sync.Pool drops values at random, so that allocations cannot be counted, and
// everything takes about ten times as long.
package race

// Enabled reports whether the race detector is on.
const Enabled = false
