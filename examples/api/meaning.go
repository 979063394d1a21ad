package main

import (
	"errors"
	"net/http"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// outOfStock is a failure that a client can handle, so it has a type: programs
// compare its URI, and people open it.
var outOfStock = problem.Define("https://example.com/problems/out-of-stock", "Out of Stock", http.StatusConflict,
	"There is less of the item than was ordered. The member available has what is left; order that, or wait.")

// responder is how this service responds to a failure: what the store's errors mean,
// and an instance that can be found in the log.
var responder = respond.Responder{
	Map: problem.Mapping{meaning},
	Instance: func(r *http.Request) string {
		return "urn:request:" + middleware.RequestIDFrom(r.Context())
	},
}

func meaning(err error) *problem.Details {
	if short, ok := errors.AsType[*shortageError](err); ok {
		return outOfStock.New(problem.Detailf("There are %d of the item left.", short.available),
			problem.Extension("available", short.available))
	}
	if errors.Is(err, errNoOrder) {
		return problem.New(http.StatusNotFound, problem.Detail("There is no such order."))
	}
	return nil
}
