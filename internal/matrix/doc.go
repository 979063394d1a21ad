// Package matrix has no code of its own: its tests send a request for each status
// code, by each way to produce it, with each method, over each version of HTTP and
// behind each middleware, and have package conformance judge the responses.
package matrix
