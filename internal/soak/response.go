package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
)

// response is what a client got for one request.
type response struct {
	status   int // 0 if none came
	header   http.Header
	body     []byte
	trailer  http.Header
	interim  []int
	upgraded bool
	err      error // why it is not complete
	unserved bool  // nothing came: the request is to be sent again
	raced    bool  // nothing came, on a connection that was idle before
	left     bool  // the client did not wait
	closing  bool  // the server closes the connection behind it
	endless  bool  // only the end of the connection ends the body
}

func (r *response) cut() bool { return r.err != nil }

func (r *response) outcome() string {
	switch {
	case r.left:
		return "left by the client"
	case r.cut():
		return "cut"
	}
	return "complete"
}

func (r *response) String() string {
	return fmt.Sprintf("status %d, %d bytes %q, interim %v, error %v", r.status, len(r.body), r.body[:min(len(r.body), 200)], r.interim, r.err)
}

func statusRow(code int) string { return strconv.Itoa(code) + " " + http.StatusText(code) }

func resultRow(res middleware.Result) string {
	switch {
	case res.ClientGone:
		return "client gone"
	case res.Aborted:
		return "aborted"
	case res.WriteErr != nil:
		return "a write failed"
	case res.Hijacked:
		return "hijacked"
	}
	return "sent, " + strconv.Itoa(res.Status/100) + "xx"
}

func resultText(res middleware.Result) string {
	return fmt.Sprintf("status %d, %d bytes, interim %v, aborted %v, gone %v, write error %v, panic %v, took %v",
		res.Status, res.Bytes, res.Interim, res.Aborted, res.ClientGone, res.WriteErr, res.Panic, res.Duration)
}

// check lists what is wrong with a response.
func (q *request) check(res *response) (faults []string) {
	add := func(err error) {
		if err != nil {
			faults = append(faults, err.Error())
		}
	}
	add(q.checkSecrets(res))
	if res.upgraded {
		add(q.must(q.upgrades, "an upgrade that was not requested"))
		return faults
	}
	if res.cut() {
		add(q.must(q.cut || q.weather.upstream.lingers(q.upstreamAt) && q.proxied || q.isOverdue(), "cut: "+res.err.Error()))
		return faults
	}
	add(q.must(!res.endless || q.method == http.MethodHead || q.proto == "HTTP/1.0", "the body ends with the connection"))
	excused := q.excuse(res)
	if !excused {
		add(q.must(!q.cut || res.status >= 500, "complete, and should be cut"))
		add(q.checkStatus(res))
	}
	add(q.must(res.header.Get("X-Request-Id") == q.id, "the response is that of another request: "+res.header.Get("X-Request-Id")))
	switch {
	case res.status >= 400 && (!q.typed || excused):
		add(q.checkProblem(res))
	case q.checkBody != nil && !excused:
		add(q.checkBody(res))
	}
	return faults
}

func (q *request) must(ok bool, otherwise string) error {
	if ok {
		return nil
	}
	return errors.New(otherwise)
}

func (q *request) checkStatus(res *response) error {
	for _, code := range q.status {
		if res.status == code {
			return nil
		}
	}
	return fmt.Errorf("status %d, and not one of %v", res.status, q.status)
}

// excuse reports whether something that was broken meanwhile explains the status.
func (q *request) excuse(res *response) bool {
	switch res.status {
	case http.StatusOK, http.StatusInternalServerError: // the handler was done before the timer of its Timeout fired
		return q.kind == "Timeout exceeded" && q.weather.isBusy(q.sentAt, q.lateAt)
	case http.StatusServiceUnavailable:
		return q.weather.maintenance.touched(q.maintenanceAt) || q.isOverdue()
	case http.StatusBadGateway:
		return q.proxied && q.weather.upstream.lingers(q.upstreamAt)
	}
	return false
}

// isOverdue reports whether a busy machine has made the request exceed a Timeout.
func (q *request) isOverdue() bool {
	return time.Since(q.sentAt) >= readTimeout && q.weather.isBusy(q.sentAt, q.lateAt)
}

// isStale reports whether the server may have closed the connection because
// nothing came on it for too long.
func (q *request) isStale() bool { return time.Since(q.idleSince) >= readTimeout }

func (q *request) checkSecrets(res *response) error {
	if bytes.Contains(res.body, []byte(secret)) || strings.Contains(fmt.Sprint(res.header, res.trailer), secret) {
		return errors.New("what is for developers has reached the client")
	}
	return nil
}

// checkProblem finds out whether the response is the problem of its status, in
// one of its three forms, for this request.
func (q *request) checkProblem(res *response) error {
	kind := res.header.Get("Content-Type")
	switch {
	case q.method == http.MethodHead:
		if kind == "" || len(res.body) > 0 {
			return fmt.Errorf("the response to HEAD has Content-Type %q and %d bytes", kind, len(res.body))
		}
		return nil
	case res.header.Get("Cache-Control") != "no-store":
		return fmt.Errorf("Cache-Control: %s", res.header.Get("Cache-Control"))
	case res.header.Get("Content-Length") != strconv.Itoa(len(res.body)):
		return fmt.Errorf("Content-Length: %s", res.header.Get("Content-Length"))
	case (res.status == 429) != (res.header.Get("Retry-After") != "") && res.status != 503:
		return fmt.Errorf("Retry-After: %s", res.header.Get("Retry-After"))
	}
	switch kind {
	case problem.MediaType, problem.MediaTypeXML:
		return q.checkDocument(res)
	case problem.MediaTypeHTML:
		if !bytes.HasPrefix(res.body, []byte("<!DOCTYPE html>")) || !bytes.Contains(res.body, []byte(strconv.Itoa(res.status))) ||
			!bytes.HasSuffix(bytes.TrimSpace(res.body), []byte("</html>")) {
			return errors.New("not a page of this status")
		}
		return nil
	}
	return fmt.Errorf("Content-Type: %s", kind)
}

// checkDocument reads a problem in JSON or XML twice: with the standard library,
// and with package problem.
func (q *request) checkDocument(res *response) error {
	var doc struct {
		Type    string `json:"type" xml:"type"`
		Title   string `json:"title" xml:"title"`
		Status  int    `json:"status" xml:"status"`
		Detail  string `json:"detail" xml:"detail"`
		Request string `json:"request" xml:"request"`
	}
	read := json.Unmarshal
	if res.header.Get("Content-Type") == problem.MediaTypeXML {
		read = xml.Unmarshal
	}
	if err := read(res.body, &doc); err != nil {
		return fmt.Errorf("malformed problem: %w", err)
	}
	if doc.Status != res.status || doc.Type == "" || doc.Title == "" || doc.Detail == "" || doc.Request != q.id {
		return fmt.Errorf("problem %+v", doc)
	}
	err := problem.CheckResponse(&http.Response{StatusCode: res.status, Header: res.header, Body: io.NopCloser(bytes.NewReader(res.body))})
	d, ok := errors.AsType[*problem.Details](err)
	if !ok || errors.Is(err, problem.ErrNoDocument) || d.Title != doc.Title || d.Detail != doc.Detail {
		return fmt.Errorf("CheckResponse returned %+v for %+v", d, doc)
	}
	return nil
}
