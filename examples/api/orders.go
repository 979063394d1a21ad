package main

import (
	"net/http"
	"strconv"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/request"
	"github.com/rejoinder-go/rejoinder/respond"
)

// orders has the handlers. Each of them says what happened, and nothing about
// how that looks on the wire.
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
	wanted, err := wish(r)
	if err != nil {
		return err
	}
	created, err := o.store.create(wanted)
	if err != nil {
		return err
	}
	version(created).SetHeader(w.Header())
	respond.Created(w, "/orders/"+strconv.Itoa(created.ID), created)
	return nil
}

func (o *orders) read(w http.ResponseWriter, r *http.Request) error {
	found, err := o.store.read(r.PathValue("id"))
	if err != nil {
		return err
	}
	if respond.Conditional(w, r, version(found)) {
		return nil
	}
	respond.JSON(w, http.StatusOK, found)
	return nil
}

func (o *orders) update(w http.ResponseWriter, r *http.Request) error {
	wanted, err := wish(r)
	if err != nil {
		return err
	}
	changed, err := o.store.update(r.PathValue("id"), wanted, func(current order) error {
		return version(current).Require(r)
	})
	if err != nil {
		return err
	}
	version(changed).SetHeader(w.Header())
	respond.JSON(w, http.StatusOK, changed)
	return nil
}

func (o *orders) cancel(w http.ResponseWriter, r *http.Request) error {
	err := o.store.remove(r.PathValue("id"), func(current order) error {
		return version(current).Check(r)
	})
	if err == nil {
		respond.NoContent(w)
	}
	return err
}

// wish reads the content of a request and checks it.
func wish(r *http.Request) (order, error) {
	wanted, err := request.JSON[struct {
		Item     string `json:"item"`
		Quantity int    `json:"quantity"`
	}](r)
	if err != nil {
		return order{}, err
	}
	var v problem.Validation
	v.Check(wanted.Item != "", "must not be empty", "item")
	v.Check(wanted.Quantity > 0, "must be positive", "quantity")
	return order{Item: wanted.Item, Quantity: wanted.Quantity}, v.Err()
}

func version(o order) respond.Validators {
	return respond.Validators{Tag: strconv.Itoa(o.Revision), Modified: o.Changed}
}
