package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// kind is a sort of request that an orderly client sends.
type kind struct {
	name   string
	weight int
	make   func(*rand.Rand, *request)
}

// kinds are the requests with one response. Those over streams, upgrades and
// limits that take several have clients of their own.
var kinds = []kind{
	{"JSON", 8, makeJSON},
	{"no content", 2, func(_ *rand.Rand, q *request) { q.get("/nothing", 204) }},
	{"conditional", 2, makeConditional},
	{"goroutine left behind", 2, func(r *rand.Rand, q *request) { q.wantJSON(r, "/behind") }},
	{"early hints", 2, func(r *rand.Rand, q *request) { q.wantJSON(r, "/early") }},
	{"trailer", 2, makeTrailer},
	{"file", 4, makeFile},
	{"large body", 2, makeLarge},
	{"slow handler", 4, makeSlow},
	{"respond.Error", 6, makeError},
	{"http.Error", 4, makePlain},
	{"error with a type", 2, func(_ *rand.Rand, q *request) { q.get("/typed", 409); q.typed = true }},
	{"returned error", 2, func(_ *rand.Rand, q *request) { q.get("/fail", 500) }},
	{"mux", 4, makeMux},
	{"panic", 4, makePanic},
	{"JSON body", 6, makeOrder},
	{"body", 6, makeEcho},
	{"upload", 6, makeUpload},
	{"NDJSON", 4, makeList},
	{"events", 2, makeEvents},
	{"Timeout exceeded", 6, makeOverdue},
	{"proxy", 8, makeProxied},
	{"limit in memory", 3, func(r *rand.Rand, q *request) { makeLimited(r, q, "memory") }},
	{"limit in Redis, local", 4, func(r *rand.Rand, q *request) { makeLimited(r, q, "local") }},
	{"limit in Redis, open", 2, func(r *rand.Rand, q *request) { makeLimited(r, q, "open") }},
	{"limit in Redis, closed", 2, func(r *rand.Rand, q *request) { makeLimited(r, q, "closed") }},
	{"limit in Redis with Spend", 2, func(r *rand.Rand, q *request) { makeLimited(r, q, "cost") }},
	{"limit on failed logins", 2, makeLogin},
	{"InFlight", 4, makeInFlight},
}

var weights = func() (sum int) {
	for _, k := range kinds {
		sum += k.weight
	}
	return sum
}()

// makeRequest makes one of the kinds.
func makeRequest(r *rand.Rand, q *request) {
	n := r.IntN(weights)
	for _, k := range kinds {
		if n -= k.weight; n < 0 {
			q.kind = k.name
			k.make(r, q)
			break
		}
	}
	if q.body == nil && q.method == http.MethodGet && !q.cut && r.IntN(12) == 0 && q.kind != "limit on failed logins" && q.kind != "proxy" {
		q.asHead()
	}
	decorate(r, q)
}

func makeJSON(r *rand.Rand, q *request) { q.wantJSON(r, "/json") }

func makeConditional(r *rand.Rand, q *request) {
	q.wantJSON(r, "/conditional")
	switch r.IntN(3) {
	case 0:
		q.with("If-None-Match", `"7"`)
		q.status, q.checkBody = []int{304}, wantBytes(nil)
	case 1:
		q.with("If-Match", `"8"`)
		q.status = []int{412}
	}
}

func makeTrailer(r *rand.Rand, q *request) {
	n := r.IntN(20_000)
	q.get("/trailer?n="+strconv.Itoa(n), 200)
	q.checkBody = func(res *response) error {
		return errors.Join(wantBytes(pattern(n))(res), q.must(res.trailer.Get("X-Sum") == digest(pattern(n)), "the trailer is missing"))
	}
}

func makeFile(r *rand.Rand, q *request) {
	q.get("/file", 200)
	q.checkBody = wantBytes(pattern(fileSize))
	switch r.IntN(3) {
	case 0:
		from := r.IntN(fileSize)
		q.with("Range", fmt.Sprintf("bytes=%d-", from))
		q.status, q.checkBody = []int{206}, wantBytes(pattern(fileSize)[from:])
	case 1:
		q.with("Range", fmt.Sprintf("bytes=%d-", fileSize+1))
		q.status = []int{416}
	}
}

func makeLarge(r *rand.Rand, q *request) {
	n := r.IntN(600_000)
	q.get("/big?n="+strconv.Itoa(n), 200)
	q.checkBody = wantBytes(bigBody(n))
}

// bigBody is what big sends.
func bigBody(n int) []byte { return pattern(n) }

func makeSlow(r *rand.Rand, q *request) { q.wantJSON(r, "/slow?ms="+strconv.Itoa(r.IntN(150))) }

// errorCodes are final ones that are errors, with those that require fields.
var errorCodes = []int{400, 401, 402, 403, 404, 405, 406, 409, 410, 411, 412, 415, 417, 418, 422, 423, 425, 428, 451, 499, 500, 501, 502, 503, 504, 507, 599}

func makeError(r *rand.Rand, q *request) {
	code := errorCodes[r.IntN(len(errorCodes))]
	q.get("/error?code="+strconv.Itoa(code), code)
}

func makePlain(r *rand.Rand, q *request) {
	code := errorCodes[r.IntN(len(errorCodes))]
	q.get("/plain?code="+strconv.Itoa(code), code)
}

func makeMux(r *rand.Rand, q *request) {
	switch r.IntN(3) {
	case 0:
		q.post("/json", "text/plain", pattern(r.IntN(2000)), 405)
	case 1:
		q.get("/json/../absent", 307, 404)
		q.checkBody = func(*response) error { return nil }
	default:
		q.get("/absent/"+strconv.Itoa(r.IntN(1e9)), 404)
	}
}

func makePanic(r *rand.Rand, q *request) {
	path := []string{"/panic", "/panic/timed"}[r.IntN(2)]
	switch r.IntN(5) {
	case 4:
		q.get(path + "?when=exit")
		q.cut = true
	case 0:
		q.get(path+"?when=late", 200)
		q.cut = true
	case 1:
		q.get(path + "?when=abort")
		q.cut = true
	default:
		q.get(path, 500)
	}
}

func makeOrder(r *rand.Rand, q *request) {
	n := r.IntN(1e6)
	good := fmt.Sprintf(`{"item":"tea","quantity":%d}`, n)
	switch r.IntN(8) {
	case 0:
		q.post("/orders", "application/json", []byte(good[:len(good)-1]), 400)
	case 1:
		q.post("/orders", "application/json", []byte(`{"item":7,"quantity":"x"}`), 422)
	case 2:
		q.post("/orders", "text/csv", []byte(good), 415)
	case 3:
		q.post("/orders", "application/json", []byte(strings.Repeat("[", 20_000)), 400)
	case 4:
		q.post("/orders", "application/json", bytes.Repeat([]byte(" "), maxBody+1+r.IntN(maxBody)), 413)
	default:
		q.post("/orders", "application/json", []byte(good), 201)
		q.checkBody = wantPayload(payload{N: n})
	}
	q.vary(r)
}

// vary chooses how the body is sent.
func (q *request) vary(r *rand.Rand) {
	q.chunked = r.IntN(3) == 0
	q.expectContinue = r.IntN(5) == 0
}

func makeEcho(r *rand.Rand, q *request) {
	body := pattern(r.IntN(2 * maxBody))
	q.post("/echo", "application/octet-stream", body, 200)
	if len(body) > maxBody {
		q.status = []int{413}
	}
	q.checkBody = wantPayload(payload{Size: int64(len(body)), Sum: digest(body)})
	q.vary(r)
}

func makeUpload(r *rand.Rand, q *request) {
	file := pattern(r.IntN(maxUpload / 4))
	if r.IntN(8) == 0 {
		file = pattern(maxUpload + 1)
	}
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for _, name := range []string{"one", "two"} {
		part, _ := form.CreateFormFile(name, name+".bin") // into memory: it cannot fail
		_, _ = part.Write(file)
	}
	_ = form.Close()
	path := []string{"/upload", "/upload/bare"}[r.IntN(2)]
	q.post(path, form.FormDataContentType(), b.Bytes(), 200)
	q.checkBody = wantPayload(payload{Size: int64(2 * len(file)), Sum: digest(append(slices.Clone(file), file...))})
	switch mode := r.IntN(10); {
	case b.Len() > maxUpload:
		q.status = []int{413}
	case mode == 0:
		q.path += "?mode=panic"
		q.status = []int{500}
	case mode == 1:
		q.path += "?mode=unread"
		q.checkBody = wantPayload(payload{})
	case mode == 2 && path == "/upload":
		q.path += "?mode=late"
		q.status = []int{503, 504}
	case mode == 3:
		q.body = q.body[:len(q.body)/2]
		q.status = []int{400}
	}
	q.vary(r)
}

func makeList(r *rand.Rand, q *request) {
	n := 1 + r.IntN(200)
	q.get("/list?n="+strconv.Itoa(n), 200)
	failing := 0
	switch r.IntN(3) {
	case 0:
		failing = 1 + r.IntN(n)
		q.path += "&fail=" + strconv.Itoa(failing)
		if failing == 1 {
			q.status = []int{500}
		}
	}
	q.checkBody = func(res *response) error { return checkList(res, n, failing) }
}

// checkList expects n records, or a problem in place of the one that failed.
func checkList(res *response, n, failing int) error {
	lines := strings.Split(strings.TrimSuffix(string(res.body), "\n"), "\n")
	if failing > 0 {
		n = failing
	}
	if len(lines) != n {
		return fmt.Errorf("%d records, want %d", len(lines), n)
	}
	for i, line := range lines {
		var record struct{ N, Status int }
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			return err
		}
		if failing == i+1 && record.Status != 500 || failing != i+1 && record.N != i {
			return fmt.Errorf("record %d is %s", i, line)
		}
	}
	return nil
}

func makeEvents(r *rand.Rand, q *request) {
	n := r.IntN(100)
	q.get("/events?n="+strconv.Itoa(n), 200)
	q.checkBody = func(res *response) error {
		var want strings.Builder
		for i := range n {
			fmt.Fprintf(&want, "data: {\"n\":%d}\nid: %d\n\n", i, i)
		}
		return wantBytes([]byte(want.String()))(res)
	}
}

func makeOverdue(r *rand.Rand, q *request) {
	switch r.IntN(6) {
	case 0:
		q.get("/overdue?mode=begun", 200, 503) // 503 if it began too late
		q.cut = true
	case 1:
		q.get("/overdue?mode=deaf", 503)
	case 2:
		q.get("/overdue?mode=panic", 503)
	case 3:
		q.post("/overdue?mode=reading", "application/octet-stream", pattern(r.IntN(3*maxBody)), 503)
		q.vary(r)
	default:
		q.get("/overdue", 503)
	}
}

func makeProxied(r *rand.Rand, q *request) {
	q.proxied = true
	switch r.IntN(8) {
	case 0:
		q.get("/proxy/error", 500)
	case 1:
		q.get("/proxy/typed", 409)
		q.typed = true
	case 2:
		q.get("/proxy/cut", 200)
		q.cut = true
	case 3:
		q.get("/proxy/late", 502, 503)
	case 4:
		n := r.IntN(300_000)
		q.get("/proxy/big?n="+strconv.Itoa(n), 200)
		q.checkBody = wantBytes(pattern(n))
	case 5:
		body := pattern(r.IntN(200_000))
		q.post("/proxy/echo", "application/octet-stream", body, 200)
		q.checkBody = wantPayload(payload{Size: int64(len(body)), Sum: digest(body)})
		q.vary(r)
	case 6:
		n := r.IntN(20_000)
		q.get("/proxy/trailer?n="+strconv.Itoa(n), 200)
		q.checkBody = func(res *response) error {
			return errors.Join(wantBytes(pattern(n))(res), q.must(res.trailer.Get("X-Sum") == digest(pattern(n)), "the trailer is missing"))
		}
	default:
		q.wantJSON(r, "/proxy/json")
	}
}

func makeLimited(r *rand.Rand, q *request, limit string) {
	q.wantJSON(r, "/limited/"+limit)
	q.status = []int{200, 429}
	if limit == "closed" {
		q.status = append(q.status, 503)
	}
	if limit == "cost" {
		q.status = append(q.status, 500, 503, 504) // the store could not be reached, or not in time
	}
	key := strconv.Itoa(r.IntN(3))
	if r.IntN(2) == 0 {
		key = strconv.FormatUint(r.Uint64(), 36)
	}
	q.with(keyHeader, key)
}

func makeLogin(r *rand.Rand, q *request) {
	q.get("/limited/login", 401, 429)
	q.with(keyHeader, strconv.Itoa(r.IntN(20)))
	if r.IntN(2) == 0 {
		q.with("Authorization", "Bearer x")
		q.status = []int{204, 429}
	}
}

func makeInFlight(r *rand.Rand, q *request) {
	q.wantJSON(r, "/inflight?ms="+strconv.Itoa(r.IntN(30)))
	q.status = []int{200, 503}
	q.with(keyHeader, strconv.Itoa(r.IntN(5)))
}
