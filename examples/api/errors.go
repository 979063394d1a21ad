package main

import (
	"errors"
	"net/http"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// outOfStock is a failure that a client can handle, so that it has a type: programs
// compare its URI, and developers open it.
var outOfStock = problem.Define("https://example.com/problems/out-of-stock", "Out of Stock", http.StatusConflict,
	"There is less of the item than was ordered. The member available has what is left; order that, or wait.")

// responder maps the errors of the store to problems, and adds an instance by which
// the record in the log can be found.
var responder = respond.Responder{
	Map: problem.Mapping{problemFor},
	Instance: func(r *http.Request) string {
		return "urn:request:" + middleware.RequestIDFrom(r.Context())
	},
}

// problemFor returns the problem that an error of the store means, or nil.
func problemFor(err error) *problem.Details {
	if short, ok := errors.AsType[*shortageError](err); ok {
		return outOfStock.New(problem.Detailf("There are %d of the item left.", short.available),
			problem.Extension("available", short.available))
	}
	if errors.Is(err, errNoOrder) {
		return problem.New(http.StatusNotFound, problem.Detail("There is no such order."))
	}
	return nil
}
