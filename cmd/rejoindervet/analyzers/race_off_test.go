//go:build !race

package analyzers_test

const raceDetected = false
