//go:build race

package ratelimit

// Under the race detector everything takes ten times as long.
const underRace = true
