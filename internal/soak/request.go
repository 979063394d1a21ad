package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// request is one request, and what its client expects.
type request struct {
	id, kind, proto string
	method, path    string
	fields          []string // names and values in turn
	body            []byte
	chunked         bool
	expectContinue  bool
	keepAlive       bool // of HTTP/1.0
	close           bool // the client closes the connection afterwards

	status     []int // one of them
	cut        bool  // the response must not be complete, or not be there
	typed      bool  // an error has a type of its own
	proxied    bool
	upgrades   bool
	rude       bool // the client does not wait for the response
	halfCloses bool
	stalls     bool // the client does not send all of the body
	checkBody  func(*response) error

	weather                   *weather
	maintenanceAt, upstreamAt int64 // when it was sent
	downAt                    int64 // when its connection was opened
	sentAt                    time.Time
	lateAt                    int64
	reused                    bool      // the connection had carried another request
	idleSince                 time.Time // when the connection began to wait for this one
}

func (q *request) String() string {
	return fmt.Sprintf("%s %s %s over %s (%s)", q.kind, q.method, q.path, q.proto, q.id)
}

// with adds a header field.
func (q *request) with(name, value string) { q.fields = append(q.fields, name, value) }

// decorate adds what any request may have.
func decorate(r *rand.Rand, q *request) {
	if accept := accepts[r.IntN(len(accepts))]; accept != "" {
		q.with("Accept", accept)
	}
	if r.IntN(2) == 0 {
		q.with("X-Forwarded-For", address(r))
	}
	if r.IntN(8) == 0 {
		q.with("Forwarded", `for="[2001:db8::`+strconv.FormatUint(uint64(r.Uint32N(1<<16)), 16)+`]"`)
	}
	q.close = q.close || r.IntN(20) == 0
}

// accepts are values of Accept that browsers and programs send, and malformed ones.
var accepts = []string{
	"", "", "", "*/*", "application/json", "application/problem+json", "application/problem+xml", "application/xml;q=0.9, */*;q=0.1",
	"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html;q=0.1, application/json", "image/png",
	"text/html;q=", ",,;", "a/b;c=\"\\\"", strings.Repeat("text/x,", 300),
}

func address(r *rand.Rand) string {
	return fmt.Sprintf("%d.%d.%d.%d", 11+r.IntN(80), r.IntN(256), r.IntN(256), 1+r.IntN(250))
}

// asHead makes a GET a HEAD.
func (q *request) asHead() {
	q.method = http.MethodHead
	q.checkBody = func(res *response) error {
		return q.must(len(res.body) == 0, "the response to HEAD has a body")
	}
}

func (q *request) get(path string, status ...int) {
	q.method, q.path, q.status = http.MethodGet, path, status
}

func (q *request) post(path, contentType string, body []byte, status ...int) {
	q.method, q.path, q.body, q.status = http.MethodPost, path, body, status
	if q.body == nil {
		q.body = []byte{}
	}
	q.with("Content-Type", contentType)
}

// wantJSON requests a payload with a number.
func (q *request) wantJSON(r *rand.Rand, path string) {
	n := 1 + r.IntN(1e9)
	q.get(path+separator(path)+"n="+strconv.Itoa(n), 200)
	q.checkBody = wantPayload(payload{N: n})
}

func separator(path string) string {
	if strings.Contains(path, "?") {
		return "&"
	}
	return "?"
}

func wantPayload(want payload) func(*response) error {
	return func(res *response) error {
		var got payload
		if err := json.Unmarshal(res.body, &got); err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("got %+v, want %+v", got, want)
		}
		return nil
	}
}

func wantBytes(want []byte) func(*response) error {
	return func(res *response) error {
		if !bytes.Equal(res.body, want) {
			return fmt.Errorf("%d bytes differ from the %d that were to come", len(res.body), len(want))
		}
		return nil
	}
}
