package main

import (
	"net/http"
	"strings"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/request"
	"github.com/rejoinder-go/rejoinder/respond"
)

// maxOrder is the greatest size of a request's body in bytes.
const maxOrder = 1 << 10

var orders = request.Decoder{MaxBytes: maxOrder}

type order struct {
	Item     string `json:"item"`
	Quantity int    `json:"quantity"`
}

// outOfCredit has a page at the path of its URI, beside those of the status codes. A
// real service uses its own host.
var outOfCredit = problem.Define("https://example.com/statuses/out-of-credit",
	"You do not have enough credit.", http.StatusForbidden, "Top up one of the accounts, then send the order again.",
	problem.Member{Name: "balance", Doc: "What is left in the account.", Example: 30},
	problem.Member{Name: "accounts", Doc: "The accounts that can be topped up.", Example: []string{"/account/12345", "/account/67890"}})

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
	var o order
	if err := orders.Decode(r, &o); err != nil {
		return err
	}
	var v problem.Validation
	v.Check(strings.TrimSpace(o.Item) != "", "must not be empty", "item")
	v.Check(o.Quantity >= 1 && o.Quantity <= 100, "must be from 1 to 100", "quantity")
	if err := v.Err(); err != nil {
		return err
	}
	respond.Created(w, "/orders/1", o) // orders are not stored, so that each is the first
	return nil
}
