package problem

import (
	"context"
	"errors"
	"net/http"
)

// From returns the problem that err stands for: the nearest *Details in its
// chain, else what a known error of the standard library means, else a bare
// 500 with err as its cause. The text of err is never in it. A nil err gives
// nil.
//
// A problem that was read from another server becomes a 502 with that problem
// as its cause, because what it says is not about the present request.
func From(err error) *Details {
	if err == nil {
		return nil
	}
	var d *Details
	if errors.As(err, &d) && d != nil {
		if d.remote {
			return New(http.StatusBadGateway, Cause(err))
		}
		return d
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return New(http.StatusRequestEntityTooLarge, Cause(err))
	case errors.Is(err, context.DeadlineExceeded):
		return New(http.StatusGatewayTimeout, Cause(err))
	}
	return New(http.StatusInternalServerError, Cause(err))
}
