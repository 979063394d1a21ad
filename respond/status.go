package respond

import (
	"net/http"
	"strconv"
	"time"
)

// Created responds with 201, the JSON of v, and the URI of the new resource in
// Location. The URI may be relative; "" means that the new resource is the target
// of the request itself. A nil v sends no body.
func Created(w http.ResponseWriter, location string, v any) {
	setLocation(w.Header(), location)
	jsonOrEmpty(w, http.StatusCreated, v)
}

// Accepted responds with 202 and the JSON of v: the request will be processed
// later. Location is set to monitor, the URI of a resource that reports the
// progress; it may be relative or "". Retry-After is set to after, the time until
// the client should look there, rounded up to seconds; zero sets none. A nil v
// sends no body.
func Accepted(w http.ResponseWriter, monitor string, after time.Duration, v any) {
	setLocation(w.Header(), monitor)
	if after > 0 {
		seconds := (after-1)/time.Second + 1
		w.Header()["Retry-After"] = []string{strconv.FormatInt(int64(seconds), 10)}
	}
	jsonOrEmpty(w, http.StatusAccepted, v)
}

func jsonOrEmpty(w http.ResponseWriter, code int, v any) {
	if v == nil {
		sendZeroLength(w, code)
		return
	}
	JSON(w, code, v)
}

// sendZeroLength responds without a body where the code allows one.
func sendZeroLength(w http.ResponseWriter, code int) {
	h := w.Header()
	delete(h, "Content-Type")
	delete(h, "Content-Encoding")
	h["Content-Length"] = []string{"0"}
	w.WriteHeader(code)
}

// NoContent responds with 204: the request succeeded, and there is nothing to
// send.
func NoContent(w http.ResponseWriter) {
	sendEmpty(w, http.StatusNoContent)
}

// ResetContent responds with 205: the request succeeded, and the client should
// reset the form or document that it was sent from.
func ResetContent(w http.ResponseWriter) {
	sendEmpty(w, http.StatusResetContent)
}

// MultipleChoices responds with 300 and the JSON of choices. Location is set to
// preferred, which many clients then follow, unless it is "".
func MultipleChoices(w http.ResponseWriter, preferred string, choices any) {
	setLocation(w.Header(), preferred)
	JSON(w, http.StatusMultipleChoices, choices)
}

// NotModified responds with 304: the representation that the client has stored is
// still current. First set the fields that a 200 would have: Cache-Control,
// Content-Location, ETag, Expires and Vary (RFC 9110, section 15.4.5).
// [Conditional] decides whether a 304 is right, and sends it.
func NotModified(w http.ResponseWriter) {
	sendEmpty(w, http.StatusNotModified)
}

// EarlyHints sends 103 with the given values of Link, such as
// "</style.css>; rel=preload; as=style", so that the client can fetch those
// resources while the handler is still working (RFC 8297). The values stay in the
// header, for the final response.
//
// The 103 is not sent to a client of HTTP/1.0, which does not support interim responses,
// nor to a ResponseWriter that would mistake it for the final status, such as that of
// http.TimeoutHandler.
func EarlyHints(w http.ResponseWriter, r *http.Request, links ...string) {
	if len(links) == 0 {
		return
	}
	h := w.Header()
	all := h["Link"][:len(h["Link"]):len(h["Link"])]
	for _, l := range links {
		all = append(all, clean(l))
	}
	h["Link"] = all
	if !r.ProtoAtLeast(1, 1) {
		return
	}
	_, flusher := w.(http.Flusher)
	_, unwrapper := w.(interface{ Unwrap() http.ResponseWriter })
	if flusher || unwrapper {
		w.WriteHeader(http.StatusEarlyHints)
	}
}
