package main

import (
	"net/http"
	"strconv"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/request"
	"github.com/rejoinder-go/rejoinder/respond"
)

// orders has the handlers. They return errors, and leave their form to responder.
type orders struct{ store *store }

func (o *orders) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /orders", responder.Handler(o.list))
	mux.Handle("POST /orders", responder.Handler(o.create))
	mux.Handle("GET /orders/{id}", responder.Handler(o.read))
	mux.Handle("PUT /orders/{id}", responder.Handler(o.update))
	mux.Handle("DELETE /orders/{id}", responder.Handler(o.cancel))
	mux.Handle("/problems/", respond.Pages(outOfStock))
	return mux
}

func (o *orders) list(w http.ResponseWriter, r *http.Request) error {
	return respond.NDJSON(w, r, o.store.all(r.Context()))
}

func (o *orders) create(w http.ResponseWriter, r *http.Request) error {
	requested, err := read(r)
	if err != nil {
		return err
	}
	created, err := o.store.create(requested)
	if err != nil {
		return err
	}
	validators(created).SetHeader(w.Header())
	respond.Created(w, "/orders/"+strconv.Itoa(created.ID), created)
	return nil
}

func (o *orders) read(w http.ResponseWriter, r *http.Request) error {
	found, err := o.store.read(r.PathValue("id"))
	if err != nil {
		return err
	}
	if respond.Conditional(w, r, validators(found)) {
		return nil
	}
	respond.JSON(w, http.StatusOK, found)
	return nil
}

func (o *orders) update(w http.ResponseWriter, r *http.Request) error {
	requested, err := read(r)
	if err != nil {
		return err
	}
	changed, err := o.store.update(r.PathValue("id"), requested, func(current order) error {
		return validators(current).Require(r)
	})
	if err != nil {
		return err
	}
	validators(changed).SetHeader(w.Header())
	respond.JSON(w, http.StatusOK, changed)
	return nil
}

func (o *orders) cancel(w http.ResponseWriter, r *http.Request) error {
	err := o.store.remove(r.PathValue("id"), func(current order) error {
		return validators(current).Check(r)
	})
	if err == nil {
		respond.NoContent(w)
	}
	return err
}

// read reads the body of a request and validates it.
func read(r *http.Request) (order, error) {
	body, err := request.JSON[struct {
		Item     string `json:"item"`
		Quantity int    `json:"quantity"`
	}](r)
	if err != nil {
		return order{}, err
	}
	var v problem.Validation
	v.Check(body.Item != "", "must not be empty", "item")
	v.Check(body.Quantity > 0, "must be positive", "quantity")
	return order{Item: body.Item, Quantity: body.Quantity}, v.Err()
}

func validators(o order) respond.Validators {
	return respond.Validators{Tag: strconv.Itoa(o.Revision), Modified: o.Changed}
}
