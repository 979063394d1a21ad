package main

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// maxOrder is the size in bytes up to which an order is read.
const maxOrder = 1 << 10

type order struct {
	Item     string `json:"item"`
	Quantity int    `json:"quantity"`
}

var outOfCredit = problem.Define("https://example.com/probs/out-of-credit",
	"You do not have enough credit.", http.StatusForbidden, "Top up one of the accounts, then send the order again.")

func registerOrders(mux *http.ServeMux) {
	mux.Handle("POST /orders", respond.Handler(createOrder))
	mux.Handle("/buy", respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		return outOfCredit.New(
			problem.Detail("Your current balance is 30, but that costs 50."),
			problem.Instance("/account/12345/msgs/abc"),
			problem.Extension("balance", 30),
			problem.Extension("accounts", []string{"/account/12345", "/account/67890"}),
		)
	}))
}

func createOrder(w http.ResponseWriter, r *http.Request) error {
	o, err := readOrder(w, r)
	if err != nil {
		return err
	}
	if errs := o.faults(); len(errs) > 0 {
		return problem.New(http.StatusUnprocessableEntity, problem.Errors(errs...))
	}
	respond.Created(w, "/orders/1", o) // nothing is kept, so every order is the first
	return nil
}

func (o order) faults() (errs []problem.FieldError) {
	if strings.TrimSpace(o.Item) == "" {
		errs = append(errs, problem.FieldError{Detail: "must not be empty", Pointer: "#/item"})
	}
	if o.Quantity < 1 || o.Quantity > 100 {
		errs = append(errs, problem.FieldError{Detail: "must be from 1 to 100", Pointer: "#/quantity"})
	}
	return errs
}

// readOrder reads one JSON value and nothing behind it.
func readOrder(w http.ResponseWriter, r *http.Request) (o order, err error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return o, problem.New(http.StatusUnsupportedMediaType, problem.Header("Accept", "application/json"))
	}
	in := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOrder))
	in.DisallowUnknownFields()
	if err = in.Decode(&o); err == nil {
		if _, err = in.Token(); err == io.EOF {
			return o, nil
		}
	}
	var (
		tooLarge  *http.MaxBytesError
		wrongType *json.UnmarshalTypeError
	)
	switch {
	case errors.As(err, &tooLarge):
		return o, err
	case errors.As(err, &wrongType):
		fault := problem.FieldError{Detail: "must be of another type", Pointer: "#"}
		if wrongType.Field != "" {
			fault.Pointer += "/" + wrongType.Field
		}
		return o, problem.New(http.StatusUnprocessableEntity, problem.Cause(err), problem.Errors(fault))
	}
	return o, problem.New(http.StatusBadRequest, problem.Cause(err), problem.Detail("The content has to be one order in JSON, with an item and a quantity."))
}
