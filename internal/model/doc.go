// Package model has no code of its own: its tests send random programs of
// ResponseWriter calls through net/http alone and through the middlewares of
// this module, and compare what a client receives.
//
// A program is a list of calls that a handler makes. It is decoded from bytes,
// so that a fuzzer, a seed and a file can all name one. A scenario is what
// stands around it: the protocol, the request, and the middlewares with foreign
// ResponseWriter wrappers between them. Both run on a real http.Server, over a
// connection in memory, in a testing/synctest bubble, which also finds every
// goroutine that is left.
//
// The ordinary tests run some hundred programs, and those of regression_test.go,
// each of which found a fault once. More of them run with
//
//	go test ./internal/model -run TestModel -model.time=5m -timeout=0
//
// which takes random seeds, and with -model.all reports each distinct fault
// instead of stopping at the first. Each fault is shrunk, and printed with the
// bytes that repeat it:
//
//	go test ./internal/model -run TestModel -model.program=00a1...
package model
