package connect

import (
	"net/http"

	"google.golang.org/genproto/googleapis/rpc/code"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// Code returns the code that a problem has in Connect and gRPC, whose numbers are
// the same: by its status, since both know what that means better than a client
// that has nothing else to go by.
//
// A 404 is unimplemented if it says no more than its status, as where no handler
// knows the procedure, and not_found if it has a type or a detail of its own. A
// status that is not in the table has the code of its class: invalid_argument for
// a 4xx, internal for a 5xx, otherwise unknown.
func Code(d *problem.Details) code.Code {
	if d.Status == http.StatusNotFound && isBare(d) {
		return code.Code_UNIMPLEMENTED
	}
	if c, ok := codes[d.Status]; ok {
		return c
	}
	switch status.ClassOf(d.Status) {
	case status.ClientError:
		return code.Code_INVALID_ARGUMENT
	case status.ServerError:
		return code.Code_INTERNAL
	}
	return code.Code_UNKNOWN
}

// isBare reports whether a problem says no more than its status code.
func isBare(d *problem.Details) bool {
	return (d.Type == "" || d.Type == problem.BlankType) && (d.Detail == "" || d.Detail == status.Nearest(d.Status).Description)
}

// codes has a code for each status whose class does not say it.
var codes = map[int]code.Code{
	401: code.Code_UNAUTHENTICATED,
	402: code.Code_PERMISSION_DENIED,
	403: code.Code_PERMISSION_DENIED,
	404: code.Code_NOT_FOUND,
	405: code.Code_UNIMPLEMENTED,
	407: code.Code_UNAUTHENTICATED,
	408: code.Code_DEADLINE_EXCEEDED,
	409: code.Code_ABORTED,
	410: code.Code_NOT_FOUND,
	412: code.Code_FAILED_PRECONDITION,
	413: code.Code_RESOURCE_EXHAUSTED, // as both call a message that is too large
	415: code.Code_UNIMPLEMENTED,
	416: code.Code_OUT_OF_RANGE,
	423: code.Code_FAILED_PRECONDITION,
	424: code.Code_FAILED_PRECONDITION,
	425: code.Code_UNAVAILABLE,
	428: code.Code_FAILED_PRECONDITION,
	429: code.Code_RESOURCE_EXHAUSTED,
	451: code.Code_PERMISSION_DENIED,
	499: code.Code_CANCELLED,

	501: code.Code_UNIMPLEMENTED,
	502: code.Code_UNAVAILABLE,
	503: code.Code_UNAVAILABLE,
	504: code.Code_DEADLINE_EXCEEDED,
	507: code.Code_RESOURCE_EXHAUSTED,
	511: code.Code_UNAUTHENTICATED,
}
