package model_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
)

// added are the header fields that our middlewares may add.
var added = regexp.MustCompile(`(?m)^(X-Request-Id|Ratelimit|Ratelimit-Policy): .*\r\n`)

func stripped(raw string) string { return added.ReplaceAllString(raw, "") }

// mustBeSame demands what net/http alone sends, byte for byte.
func (j *judge) mustBeSame() {
	want, got := j.want.first, j.got.first
	switch {
	case !want.whole() && j.has(adding):
		// What a cut response has on the wire depends on what fills a buffer.
		if got.whole() {
			j.fault("wire", "a response is whole that net/http cuts: %s", want.err)
		}
		return
	case j.framesItself():
		ends := j.got.machine.ended == returned || want.isDelimited() // otherwise an old client does not see a cut
		if !j.want.machine.hijacked && want.whole() && got.whole() && ends && (want.status != got.status || want.body != got.body) {
			j.fault("wire", "not what net/http sends")
		}
		return
	case j.has(refusing), j.has(hiding) && len(want.interim) > 0:
		// A wrapper that hides everything may take an interim code for the
		// final one, as http.TimeoutHandler's does, so we keep them from it.
		if j.has(hiding) {
			want.interim, got.interim = nil, nil
			if want.status == 0 {
				want.err, got.err = "", ""
			}
		}
		ignored := []string{"Content-Length", "Connection"}
		if j.protocol == http2 && j.request.expect { // the client waits a second for an interim code
			ignored = append(ignored, "Date")
		}
		for _, d := range differences(&want, &got, ignored...) {
			j.fault("wire", "not what net/http sends: %s", d)
		}
	case stripped(want.raw) != stripped(got.raw):
		j.fault("wire", "not what net/http sends")
	}
	alone, inside := &j.want.machine, &j.got.machine
	if !alone.control && !j.has(plainIO) && alone.shape != inside.shape {
		j.fault("shape", "the ResponseWriter is a %s, not a %s", inside.shape, alone.shape)
	}
	if j.has(normalizes|bounding) || inside.after || j.protocol == http2 && j.mayEndEarly() {
		return
	}
	if !slices.Equal(alone.trace, inside.trace) {
		j.fault("returns", "calls return %q, not %q", inside.trace, alone.trace)
	}
}

// mayEndEarly reports whether a stream of HTTP/2 can be over before the handler
// is, at a moment that differs from run to run: that of a HEAD, of a body of the
// declared length, or of a request whose body is not read.
func (j *judge) mayEndEarly() bool {
	content, _ := j.request.body()
	return j.request.method == "HEAD" || len(content) > 0 || j.want.first.header.Get("Content-Length") != ""
}

// framesItself reports whether a body may be cut into other chunks, because a
// layer of ours has no ReadFrom and the connection has. net/http sends the header
// at other times then, so that it also has other fields.
func (j *judge) framesItself() bool {
	copies := j.makes(opCopy) || j.makes(opServeContent)
	return copies && j.sendfile && slices.ContainsFunc(j.layers, func(l layer) bool { return l.ours != nil && l.kind&plainIO != 0 })
}

// differences lists how two responses differ, but for the ignored fields.
func differences(want, got *response, ignored ...string) (all []string) {
	differ := func(what string, want, got any) {
		if w, g := fmt.Sprint(want), fmt.Sprint(got); w != g {
			all = append(all, fmt.Sprintf("%s is %.80q, not %.80q", what, g, w))
		}
	}
	differ("the status", want.status, got.status)
	differ("the list of interim codes", want.interim, got.interim)
	differ("the body", want.body, got.body)
	differ("the error", want.err, got.err)
	differ("the header", without(want.header, ignored), without(got.header, ignored))
	differ("the trailer", without(want.trailer, ignored), without(got.trailer, ignored))
	return all
}

func without(h http.Header, ignored []string) string {
	h = h.Clone()
	for _, name := range append([]string{"X-Request-Id", "Ratelimit", "Ratelimit-Policy"}, ignored...) {
		h.Del(name)
	}
	return headerLines(h)
}
