package connect

import (
	"net/http"

	"google.golang.org/genproto/googleapis/rpc/code"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// Code returns the error code of a problem, which has the same number in Connect and
// gRPC. It depends on the status of the problem.
//
// A 404 is unimplemented if its type and its detail are those of the status, as when
// no handler serves the procedure. It is not_found if it has a type or a detail of
// its own. A status without a code of its own gets invalid_argument if it is a 4xx,
// internal if it is a 5xx, and otherwise unknown.
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

// isBare reports whether a problem has the type and the detail of its status.
func isBare(d *problem.Details) bool {
	return (d.Type == "" || d.Type == problem.BlankType) && (d.Detail == "" || d.Detail == status.Nearest(d.Status).Description)
}

// codes are the codes of the statuses whose class does not determine them.
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
	413: code.Code_RESOURCE_EXHAUSTED, // the code of both for a message that is too large
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
