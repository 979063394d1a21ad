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

// isError reports whether Normalize makes an error of a code of the handler.
func (j *judge) isError(code int) bool { return code != none && !j.isSuccess(code) }

func (j *judge) isSuccess(code int) bool {
	if code == anyCode {
		return j.want.first.status < 400
	}
	return code >= 200 && code < 400 || code == 101 && j.mayUpgrade()
}

// mayUpgrade reports whether a 101 has its place.
func (j *judge) mayUpgrade() bool {
	return (j.protocol == http11 || j.protocol == http11Close) && j.want.first.header.Get("Upgrade") != ""
}

// normalized is the oracle for a chain with Normalize.
func (j *judge) normalized() {
	m, want := &j.got.machine, &j.want.first
	code := m.code
	if code == anyCode {
		code = want.status
	}
	switch {
	case m.corrected:
		// Either code is right.
	case m.ended == aborted || m.ended == exited:
		// On HTTP/2 a response without a body is whole with its header.
		if j.got.first.whole() && j.got.second != nil && !j.outOfStep() && j.protocol != http2 {
			j.fault("wire", "an aborted response is whole")
		}
	case m.ended == panicked && m.flushed && j.isError(code):
		// A problem has been sent, and what comes behind it is cut.
	case m.ended == panicked && !m.committed:
		j.mustBeProblem("a panic before the response", http.StatusInternalServerError)
	case m.ended == panicked && j.isError(code) && !(j.got.first.whole() && j.got.first.isDelimited()):
		// It had a type of its own, and is cut, which an old client does not see.
	case m.ended == panicked && j.isError(code) && strings.HasPrefix(string(m.text), j.got.first.body) && j.mayPass():
		// It had passed before the panic, as far as its length.
	case m.ended == panicked && j.isError(code):
		j.passOrProblem(http.StatusInternalServerError)
	case j.isError(code) && (code < 400 || code > 599):
		j.mustBeProblem(fmt.Sprintf("the code %d", code), http.StatusInternalServerError)
	case j.isError(code):
		j.passOrProblem(code)
	default:
		j.mustBeSameNormalized()
	}
}

// passOrProblem is the oracle for an error inside Normalize.
func (j *judge) passOrProblem(status int) {
	switch {
	case j.samePass() && (j.mayPass() || j.isUnreadable()):
	case j.passesInPart() && j.mayPass():
	case j.passesUnread() && j.mayPass():
	case j.isJSONText():
	default:
		if j.samePass() {
			j.fault("wire", "an error passes that has no type of its own, or no body")
		}
		j.mustBeProblem("an error", status)
	}
}

// samePass reports whether the error passed through Normalize as it was.
func (j *judge) samePass() bool {
	ignored := []string{"Vary", "Cache-Control", "Connection", "Upgrade", "Keep-Alive", "Transfer-Encoding"}
	if j.want.first.whole() {
		ignored = append(ignored, "Content-Length") // net/http sets it by the sizes of writes
	}
	want, got := j.want.first, j.got.first
	want.interim, got.interim = j.passing(want.interim), j.passing(got.interim)
	if j.got.machine.waited {
		ignored = append(ignored, "Date") // is that of the first flush
	}
	if j.request.expect {
		// net/http sends no 100 once a header is out. An error waits.
		want.interim, got.interim = nil, nil
	}
	if j.sendfile && (j.makes(opCopy) || j.makes(opServeContent)) {
		want.trailer, got.trailer = nil, nil // see framesItself
	}
	return len(differences(&want, &got, ignored...)) == 0
}

// isUnreadable reports whether net/http sends a Content-Length that is no number,
// as it does for HEAD, so that no client knows what kind of error it is.
func (j *judge) isUnreadable() bool {
	return j.request.method == "HEAD" && strings.HasPrefix(j.want.first.err, "bad Content-Length")
}

// passesInPart reports whether an error passed whose io.Copy net/http refuses,
// since it is longer than its Content-Length. Normalize looks at the first 512
// bytes, which leave by themselves if the length permits, as they do of
// net/http's ReadFrom on a TCP connection. That may send all, and more.
func (j *judge) passesInPart() bool {
	want, got := j.want.first, j.got.first
	declared, err := strconv.Atoi(want.header.Get("Content-Length"))
	if err != nil || want.whole() && !j.sendfile || !j.makes(opCopy) {
		return false
	}
	text := string(j.got.machine.text[:min(len(j.got.machine.text), declared)])
	if got.whole() && got.body != text || !strings.HasPrefix(text, got.body) || !j.sendfile && !strings.HasPrefix(got.body, want.body) {
		return false
	}
	ignored := []string{"Vary", "Cache-Control"}
	if want.header["Content-Type"] == nil && got.header.Get("Content-Type") == http.DetectContentType([]byte(got.body)) {
		ignored = append(ignored, "Content-Type") // net/http sniffs what it sends
	}
	want.body, want.err = got.body, got.err
	want.interim, got.interim = j.passing(want.interim), j.passing(got.interim)
	return len(differences(&want, &got, ignored...)) == 0
}

// passesUnread reports whether an error passed whose client leaves net/http's
// response, since that begins before the client receives a 100. How much
// it has got by then depends on what fills a buffer, and whether it leaves ours
// on how long the error is held.
func (j *judge) passesUnread() bool {
	want, got := j.want.first, j.got.first
	text := string(j.got.machine.text)
	switch {
	case !j.request.expect || !j.want.left || !strings.HasPrefix(text, want.body) || !strings.HasPrefix(text, got.body):
		return false
	case !j.got.left && got.whole() && got.body != text:
		return false
	}
	want.interim, got.interim = nil, nil
	want.body, want.err, want.trailer = got.body, got.err, got.trailer
	return len(differences(&want, &got, "Vary", "Cache-Control", "Connection", "Content-Length", "Transfer-Encoding", "Date")) == 0
}

// passing returns the interim codes that Normalize lets through.
func (j *judge) passing(codes []int) []int {
	return slices.DeleteFunc(slices.Clone(codes), func(code int) bool {
		switch {
		case j.protocol == http10, j.protocol == http10KeepAlive:
			return true
		case j.has(hiding):
			return true // see mustBeSame
		case code == 100: // HTTP/2 of net/http hides from a handler that it is expected
			return !j.request.expect || j.protocol == http2
		}
		return false
	})
}

// maxText is the length up to which Normalize replaces a text.
const maxText = 4096

// mayPass reports whether the error of the yardstick is one that Normalize
// leaves alone.
func (j *judge) mayPass() bool {
	want := &j.want.first
	types := want.header["Content-Type"]
	if len(types) == 1 && types[0] == "" {
		types = nil
	}
	if len(types) == 0 && len(j.got.machine.text) > 0 { // a length that was wrong has kept net/http from sniffing
		types = []string{http.DetectContentType(j.got.machine.text)}
	}
	switch text := j.text(); {
	// A wrapper may have Flush, and find out that its base has not.
	case (j.got.machine.flushed || j.got.machine.unflushed && j.has(foreign)) && (text == "" || want.status < 500 || j.request.method == "HEAD"): // what it will be is not known then
		return true
	case want.status < 500 && len(text) > maxText:
		return true
	case len(types) == 0:
		return false
	}
	mediaType, _, _ := mime.ParseMediaType(types[0])
	switch {
	case len(types) > 1, want.header.Get("Content-Encoding") != "":
		return true
	case mediaType == "text/plain" && startsJSON(j.text()): // without a type of its own it is sniffed as text
		return want.status < 500 || json.Valid([]byte(j.text()))
	case mediaType == "text/plain":
		return want.status < 500 && len(j.got.machine.text) > maxText
	}
	return len(j.got.machine.text) > 0 || j.request.method == "HEAD"
}

// text is what the handler wrote. A client of a HEAD does not see it.
func (j *judge) text() string { return strings.TrimSpace(string(j.got.machine.text)) }

// isJSONText reports whether a JSON document that was put through http.Error
// left as one.
func (j *judge) isJSONText() bool {
	got, text := &j.got.first, j.text()
	if got.body != "" {
		text = strings.TrimSpace(got.body)
	} else if first := (json.RawMessage{}); json.NewDecoder(strings.NewReader(text)).Decode(&first) == nil {
		text = string(first)
	}
	return startsJSON(text) && json.Valid([]byte(text)) && strings.HasPrefix(j.text(), text) &&
		got.whole() && got.header.Get("Content-Type") == "application/json" &&
		(got.status == j.want.first.status || j.want.first.status == 0 && got.status == j.got.machine.code) // see isUnreadable
}

func startsJSON(text string) bool { return text != "" && strings.Contains("{[", text[:1]) }

// mustBeSameNormalized demands what net/http sends, but for what Normalize
// documents.
func (j *judge) mustBeSameNormalized() {
	want, got := j.want.first, j.got.first
	want.interim, got.interim = j.passing(want.interim), j.passing(got.interim)
	var ignored []string
	if j.protocol == http2 {
		ignored = []string{"Upgrade", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding"}
	}
	switch {
	case j.want.machine.ended != j.got.machine.ended:
		return // the error of a write, which a 205 has only here, has changed its course
	case bodyForbidden(want.status) && (!want.whole() || !want.isDelimited() || j.request.method == "HEAD") && j.want.machine.ended != returned:
		return // without a body nothing fills a buffer before it is cut
	case want.status == 205:
		want.body, want.err = "", got.err
		ignored = append(ignored, "Content-Length", "Content-Type", "Transfer-Encoding", "Connection", "X-Content-Type-Options", "Trailer")
		want.trailer, got.trailer = nil, nil
		if j.got.machine.waited {
			ignored = append(ignored, "Date") // a body that is dropped fills no buffer
		}
	case want.status == 204:
		want.err = got.err // of a Content-Length on HTTP/2
		ignored = append(ignored, "Content-Length", "Content-Type", "Transfer-Encoding")
	case want.status == 304:
		want.err = got.err // of a Content-Length on HTTP/2
		ignored = append(ignored, "Content-Length", "Content-Type", "Content-Encoding", "Content-Language", "Transfer-Encoding")
	case j.protocol == http2:
	case slices.Equal(want.interim, j.want.first.interim) && slices.Equal(got.interim, j.got.first.interim):
		j.mustBeSame()
		return
	case want.status == 0:
		want.err = got.err // which shows whether anything came at all
	}
	for _, d := range differences(&want, &got, ignored...) {
		j.fault("wire", "not what net/http sends: %s", d)
	}
}
