package problem

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"

	"github.com/rejoinder-go/rejoinder/problem/status"
)

// From returns the problem that err stands for. The text of err is never in it.
// A nil err gives nil; otherwise the first of these that there is:
//
//  1. The nearest problem in the chain of err: a *Details, what its method
//     Problem() *Details returns, or a problem of the [Type] that is an error in
//     it. Of several that are joined, a server error goes before a client error,
//     and the first of equals before the others.
//  2. A 502, if the nearest problem was read from another server: what it says
//     is not about the present request.
//  3. What an error of the standard library means, server errors first:
//     [context.DeadlineExceeded] is a 504, [context.Canceled] a 503, since a
//     client that still listens may try again, [errors.ErrUnsupported] a 501,
//     [http.MaxBytesError] a 413, [fs.ErrNotExist] a 404 and [fs.ErrPermission] a
//     403 unless they come from package net.
//  4. A bare 500.
//
// The errors of step 3 are taken to be about the request, as they are in a
// handler that reads its body or opens the file it names. Where they are
// about something else, such as a template that is missing, say so with a
// problem of your own: New(500, Cause(err)).
//
// An error of decoding, of package encoding/json for instance, may be about the
// body of the request or about what another server sent. Only [BadBody] and
// package request make it the client's; by itself it is a 500.
//
// Other errors can be given a meaning by a [Mapping]. The result may be shared
// with other goroutines; use [Details.With] to vary it.
func From(err error) *Details { return Mapping(nil).From(err) }

// Mapping says what an application's own errors mean to clients. Its functions
// are asked in turn; one that returns nil leaves the error to the next.
//
//	problem.Mapping{func(err error) *problem.Details {
//		if errors.Is(err, sql.ErrNoRows) {
//			return problem.New(404)
//		}
//		return nil
//	}}
//
// A nil Mapping is ready to use. It is safe for concurrent use if its functions
// are.
type Mapping []func(error) *Details

// From is the function [From] with the mapping between the first step and the
// second: an error that is a problem already means what it says, although its
// cause may be an error that is mapped. The mapping decides what the problem of
// another server means here, and what an error of the standard library does.
// A problem from the mapping has err as its cause, unless it has one.
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
			return d.because(err)
		} else if d != nil {
			return New(http.StatusBadGateway, Cause(err))
		}
	}
	if nearest != nil {
		return New(http.StatusBadGateway, Cause(err))
	}
	return fromStandard(err)
}

// because returns d with err as its cause, unless it has one.
func (d *Details) because(err error) *Details {
	if d.cause != nil {
		return d
	}
	return d.With(Cause(err))
}

// findProblem returns the most urgent of the nearest problems in the tree of
// err, which is root or a part of it, or nil.
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
			if d := findProblem(next, root); d != nil && (worst == nil || d.urgency() > worst.urgency()) {
				worst = d
			}
		}
		return worst
	}
	return nil
}

// asProblem returns the problem that err itself is, or nil.
func asProblem(err, root error) *Details {
	switch e := err.(type) {
	case *Details:
		return e // nil if it is a nil *Details
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
			return d.because(root)
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

// urgency orders joined problems: what makes a server error counts most.
func (d *Details) urgency() status.Class {
	if class := status.ClassOf(d.Status); class != 0 && !d.remote {
		return class
	}
	return status.ServerError
}

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
	// A socket that is missing, and a connection that may not be made, are no
	// matter of the client, although the errors are the same.
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
