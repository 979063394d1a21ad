// Package api has what the service and its clients share: the form of an order, and
// the types of problems that a program can handle.
package api

import (
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
)

// Order is an order in a response.
type Order struct {
	ID       int       `json:"id"`
	Item     string    `json:"item"`
	Quantity int       `json:"quantity"`
	Revision int       `json:"revision"` // also its entity tag
	Changed  time.Time `json:"changed"`
}

// OrderRequest is the body of a request that creates or changes an order. Its tags are
// rules of go-playground/validator.
type OrderRequest struct {
	Item     string `json:"item" validate:"required,max=100"`
	Quantity int    `json:"quantity" validate:"min=1"`
}

// OutOfStock is the type of the problem of an order for more than there is.
var OutOfStock = problem.Define("https://example.com/problems/out-of-stock", "Out of Stock", http.StatusConflict,
	"There is less of the item than was ordered. Order what is left, or wait.",
	problem.Member{Name: "available", Doc: "The quantity that is left.", Example: 7})
