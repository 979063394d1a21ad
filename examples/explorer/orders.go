package main

import (
	"cmp"
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
	var v problem.Validation
	v.Check(strings.TrimSpace(o.Item) != "", "must not be empty", "item")
	v.Check(o.Quantity >= 1 && o.Quantity <= 100, "must be from 1 to 100", "quantity")
	if err := v.Err(); err != nil {
		return err
	}
	respond.Created(w, "/orders/1", o) // nothing is kept, so every order is the first
	return nil
}

// readOrder reads one JSON value and nothing behind it.
func readOrder(w http.ResponseWriter, r *http.Request) (o order, err error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return o, problem.New(http.StatusUnsupportedMediaType, problem.Header("Accept", "application/json"))
	}
	in := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOrder))
	in.DisallowUnknownFields()
	if err := in.Decode(&o); err != nil {
		return o, problem.BadContent(err)
	}
	if _, err := in.Token(); err != io.EOF {
		return o, problem.BadContent(cmp.Or(err, errMore))
	}
	return o, nil
}

var errMore = errors.New("content behind the order")
