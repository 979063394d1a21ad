package problem

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"

	"github.com/rejoinder-go/rejoinder/problem/status"
)

// From converts an error into the problem to send to the client. The problem
// never contains the message of err. From(nil) is nil. For any other error From
// returns the first of these that applies:
//
//  1. The nearest problem in the tree of err: a *Details, the result of a method
//     Problem() *Details, or a new problem of a [Type] that was returned as an
//     error. Of joined errors, a server error takes precedence over a client
//     error, and otherwise the first one.
//  2. If the nearest problem is remote, a 502. What another server said is not
//     about the current request.
//  3. The status code of an error of the standard library:
//     504 for [context.DeadlineExceeded];
//     503 for [context.Canceled], since a client that still listens may try again;
//     501 for [errors.ErrUnsupported];
//     413 for [http.MaxBytesError];
//     404 for [fs.ErrNotExist] and 403 for [fs.ErrPermission], unless the error is
//     from package net.
//  4. A 500 with no further information.
//
// Step 3 assumes that the error is about the request, as it is in a handler that
// reads the body or opens the file that the request names. If it has another cause,
// such as a missing template, return New(500, Cause(err)) instead.
//
// An error of decoding, such as those of encoding/json, may be about the body of
// the request or about data from somewhere else. From therefore returns a 500 for
// it. Package request and [BadBody] are for the body of the request.
//
// Use a [Mapping] for other errors. The result may be shared with other goroutines:
// use [Details.With] to vary it.
func From(err error) *Details { return Mapping(nil).From(err) }

// Mapping converts the errors of an application into problems. Its functions are
// called in order until one does not return nil:
//
//	problem.Mapping{func(err error) *problem.Details {
//		if errors.Is(err, sql.ErrNoRows) {
//			return problem.New(404)
//		}
//		return nil
//	}}
//
// A nil Mapping is ready to use, and a nil function is skipped. A Mapping is safe
// for concurrent use if its functions are.
type Mapping []func(error) *Details

// From is like the function [From], but calls the mapping between its first and
// its second step. An error that is a problem already is therefore not mapped, even
// if its cause would be. Problems of other servers and errors of the standard
// library are. A problem from the mapping gets err as its cause unless it has one;
// if it is remote, From returns a 502.
func (m Mapping) From(err error) *Details {
	if err == nil {
		return nil
	}
	nearest := findProblem(err, err)
	if nearest != nil && !nearest.remote {
		return nearest
	}
	for _, f := range m {
		if f == nil {
			continue
		}
		if d := f(err); d != nil && !d.remote {
			return d.withDefaultCause(err)
		} else if d != nil {
			return New(http.StatusBadGateway, Cause(err))
		}
	}
	if nearest != nil {
		return New(http.StatusBadGateway, Cause(err))
	}
	return fromStandard(err)
}

// withDefaultCause returns d with err as its cause unless it has a cause already.
func (d *Details) withDefaultCause(err error) *Details {
	if d.cause != nil {
		return d
	}
	return d.With(Cause(err))
}

// findProblem returns the most urgent of the nearest problems in the tree of err,
// or nil if there is none. err is root or an error that root wraps.
func findProblem(err, root error) *Details {
	if d := asProblem(err, root); d != nil {
		return d
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		if next := e.Unwrap(); next != nil {
			return findProblem(next, root)
		}
	case interface{ Unwrap() []error }:
		var worst *Details
		for _, next := range e.Unwrap() {
			if next == nil {
				continue
			}
			if d := findProblem(next, root); d != nil && (worst == nil || d.rank() > worst.rank()) {
				worst = d
			}
		}
		return worst
	}
	return nil
}

// asProblem returns err itself as a problem, or nil if it is not one.
func asProblem(err, root error) *Details {
	switch e := err.(type) {
	case *Details:
		return e // a nil *Details is not a problem
	case *Type:
		switch {
		case e == nil:
			return nil
		case err == root:
			return e.New()
		}
		return e.New(Cause(root))
	case interface{ Problem() *Details }:
		if d := e.Problem(); d != nil {
			return d.withDefaultCause(root)
		}
	}
	if e, ok := err.(interface{ As(any) bool }); ok {
		var d *Details
		if e.As(&d) {
			return d
		}
	}
	return nil
}

// rank ranks joined problems. A remote one ranks as a server error, since From
// returns a 502 for it.
func (d *Details) rank() status.Class {
	if class := status.ClassOf(d.Status); class != 0 && !d.remote {
		return class
	}
	return status.ServerError
}

// fromStandard is the third and the fourth step of From. Server errors come first,
// because the most urgent of joined errors counts.
func fromStandard(err error) *Details {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return New(http.StatusGatewayTimeout, Cause(err))
	case errors.Is(err, context.Canceled):
		return New(http.StatusServiceUnavailable, Cause(err))
	case errors.Is(err, errors.ErrUnsupported):
		return New(http.StatusNotImplemented, Cause(err))
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(e, err)
	}
	// Package net reports a missing socket and a forbidden connection by the same
	// errors. They are not about a file that the client requested.
	if _, network := errors.AsType[*net.OpError](err); !network {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return New(http.StatusNotFound, Cause(err))
		case errors.Is(err, fs.ErrPermission):
			return New(http.StatusForbidden, Cause(err))
		}
	}
	return New(http.StatusInternalServerError, Cause(err))
}
