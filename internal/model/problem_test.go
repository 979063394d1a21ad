package model_test

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// mustBeProblem demands a problem document with the status.
func (j *judge) mustBeProblem(what string, status int) {
	got := &j.got.first
	switch {
	case got.status == 0:
		j.fault("problem", "%s: no response, but %s", what, got.err)
	case got.status != status:
		j.fault("problem", "%s: the status is %d, not %d", what, got.status, status)
	case bodyForbidden(got.status):
	default:
		for _, text := range j.notAProblem() {
			j.fault("problem", "%s: %s", what, text)
		}
	}
}

func bodyForbidden(status int) bool { return status == 204 || status == 205 || status == 304 }

// notAProblem lists what keeps the response from being a valid problem.
func (j *judge) notAProblem() (reasons []string) {
	got := &j.got.first
	no := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	if got.err != "" {
		no("it is cut: %s", got.err)
	}
	mediaType, _, _ := mime.ParseMediaType(got.header.Get("Content-Type"))
	form := "application/problem+json"
	if j.accept == "application/problem+xml" || j.accept == "text/html" {
		form = j.accept
	}
	if j.got.machine.problem != 0 && mediaType == "application/problem+json" {
		form = mediaType // respond.Error knows no request without an exchange
	}
	if mediaType != form || len(got.header["Content-Type"]) != 1 {
		no("its type is %q, not %s", got.header["Content-Type"], form)
	}
	if got.header.Get("Content-Encoding") != "" && j.got.machine.problem == 0 { // respond takes it for an outer layer's
		no("it has a Content-Encoding")
	}
	if j.request.method == "HEAD" {
		if got.header.Get("Content-Encoding") != "" { // only the compressor knows the length
			return reasons
		}
		if n, err := strconv.Atoi(got.header.Get("Content-Length")); err != nil || n == 0 {
			no("its Content-Length is %q", got.header["Content-Length"])
		}
		return reasons
	}
	length := got.header["Content-Length"]
	if own := j.got.machine.problem != 0; !(own && len(length) == 0) && !slices.Equal(length, []string{strconv.Itoa(len(got.body))}) {
		no("its Content-Length is %q, and its body has %d bytes", got.header["Content-Length"], len(got.body))
	}
	var doc struct {
		Type   string
		Title  string
		Status int
	}
	if form != "application/problem+json" {
		if !strings.Contains(got.body, strconv.Itoa(got.status)) {
			no("its body does not name its status")
		}
	} else if err := json.Unmarshal([]byte(got.body), &doc); err != nil {
		no("it does not decode: %v", err)
	} else if doc.Status != got.status || doc.Title == "" {
		no("its body has the status %d and the title %q", doc.Status, doc.Title)
	}
	return reasons
}

func isProblem(r *response) bool {
	mediaType, _, _ := mime.ParseMediaType(r.header.Get("Content-Type"))
	return strings.Contains(mediaType, "problem") || mediaType == "text/html" && r.header.Get("Content-Security-Policy") != ""
}

// secrets looks for the texts of the program in a server error that is not its
// own document, and in a problem for those that follow another status.
func (j *judge) secrets() {
	got, m := &j.got.first, &j.got.machine
	if m.others != none && got.status >= 400 && j.has(normalizes) && !j.has(hiding) && isProblem(got) && got.body != j.want.first.body &&
		!strings.Contains(string(m.text[:m.others]), canary) && strings.Contains(got.body, canary) {
		j.fault("secret", "a %d has the text of another status: %.200q", got.status, got.body)
	}
	if got.status < 500 || !j.has(normalizes|recovers) || !strings.Contains(got.body, canary) {
		return
	}
	contentType := got.header.Get("Content-Type")
	if contentType == "" {
		contentType = http.DetectContentType([]byte(got.body))
	}
	mediaType, _, _ := mime.ParseMediaType(contentType)
	if json.Valid([]byte(got.body)) && startsJSON(got.body) && mediaType != "application/problem+json" {
		return // a document of the handler's own
	}
	if j.has(normalizes) && mediaType == "text/plain" && got.header.Get("Content-Encoding") == "" && !j.lateCalls() ||
		mediaType == "application/problem+json" && j.want.first.body != got.body {
		j.fault("secret", "a %d has the text %.100q", got.status, got.body)
	}
}
