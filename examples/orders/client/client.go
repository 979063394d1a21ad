// Package client calls the order service. An error response is returned as a
// *problem.Details: compare it with api.OutOfStock, or inspect its status.
package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"

	"github.com/rejoinder-go/rejoinder/examples/orders/api"
	"github.com/rejoinder-go/rejoinder/problem"
)

// Client is a client of the service at URL. URL and Token are required.
type Client struct {
	URL   string
	Token string
	HTTP  *http.Client // nil means one that retries after a 429; see [RetryTransport]
}

// Orders returns the orders of the user.
func (c *Client) Orders(ctx context.Context) ([]api.Order, error) {
	return call[[]api.Order](ctx, c, "GET", "/orders", nil, nil)
}

// Create creates an order.
func (c *Client) Create(ctx context.Context, in api.OrderRequest) (api.Order, error) {
	return call[api.Order](ctx, c, "POST", "/orders", in, nil)
}

// Update changes an order, unless another client has changed it since o was returned.
func (c *Client) Update(ctx context.Context, o api.Order, in api.OrderRequest) (api.Order, error) {
	return call[api.Order](ctx, c, "PUT", path(o), in, http.Header{"If-Match": {fmt.Sprintf("%q", fmt.Sprint(o.Revision))}})
}

// Cancel cancels an order.
func (c *Client) Cancel(ctx context.Context, o api.Order) error {
	_, err := call[struct{}](ctx, c, "DELETE", path(o), nil, nil)
	return err
}

func path(o api.Order) string { return fmt.Sprintf("/orders/%d", o.ID) }

// Event is a change of an order.
type Event struct {
	Name  string // created, changed or cancelled
	Order api.Order
}

// Events iterates over the changes of the user's orders, until the service ends the
// stream or ctx ends. Then reconnect, and list the orders again.
func (c *Client) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		res, err := c.do(ctx, "GET", "/events", nil, http.Header{"Accept": {"text/event-stream"}})
		if err != nil {
			yield(Event{}, err)
			return
		}
		defer res.Body.Close()
		if err := read(res.Body, func(e Event) bool { return yield(e, nil) }); err != nil {
			yield(Event{}, err)
		}
	}
}

// read calls next for each event of a stream. It returns the problem that an event with
// the name "problem" has, with which a stream that failed ends.
func read(body io.Reader, next func(Event) bool) error {
	name := ""
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "event":
			name = value
		case "data":
			if name == "problem" {
				d := new(problem.Details)
				if err := json.Unmarshal([]byte(value), d); err != nil {
					return err
				}
				return d
			}
			e := Event{Name: name}
			if err := json.Unmarshal([]byte(value), &e.Order); err != nil {
				return err
			}
			if !next(e) {
				return nil
			}
		}
	}
	return lines.Err()
}

// call sends a request and decodes the JSON of its response, if that has a body.
func call[T any](ctx context.Context, c *Client, method, path string, body any, header http.Header) (T, error) {
	var v T
	res, err := c.do(ctx, method, path, body, header)
	if err != nil {
		return v, err
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusNoContent {
		return v, nil
	}
	return v, json.NewDecoder(res.Body).Decode(&v)
}

func (c *Client) do(ctx context.Context, method, path string, body any, header http.Header) (*http.Response, error) {
	var reader io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		reader = bytes.NewReader(b) // from which NewRequest makes a GetBody, for retries
	}
	r, err := http.NewRequestWithContext(ctx, method, c.URL+path, reader)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("Authorization", "Bearer "+c.Token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	client := c.HTTP
	if client == nil {
		client = retrying
	}
	res, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	if err := problem.CheckResponse(res); err != nil {
		return nil, err
	}
	return res, nil
}
