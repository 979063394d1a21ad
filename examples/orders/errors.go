package main

import (
	"errors"
	"net/http"

	"github.com/rejoinder-go/rejoinder/examples/orders/api"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
)

// mapping defines what the errors of the store mean to a client.
var mapping = problem.Mapping{func(err error) *problem.Details {
	if short, ok := errors.AsType[*shortageError](err); ok {
		return api.OutOfStock.New(problem.Detailf("There are %d of the item left.", short.available),
			problem.Extension("available", short.available))
	}
	if errors.Is(err, errNoOrder) {
		return problem.New(http.StatusNotFound, problem.Detail("There is no such order."))
	}
	return nil
}}

// instance identifies a problem by the id of the request, which its record in the log
// has too.
func instance(r *http.Request) string {
	return "urn:request:" + middleware.RequestIDFrom(r.Context())
}
