//go:build race

package analyzers_test

// Each check reads net/http anew, which the race detector makes six times as long:
// under it one check does for all.
const raceDetected = true
