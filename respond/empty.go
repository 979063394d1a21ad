package respond

import (
	"net/http"
)

// NoContent answers 204: the request succeeded and there is nothing to send.
func NoContent(w http.ResponseWriter) {
	sendEmpty(w, http.StatusNoContent)
}

// ResetContent answers 205: the request succeeded, and the client should put
// the form or document that it was sent from back to its first state.
func ResetContent(w http.ResponseWriter) {
	sendEmpty(w, http.StatusResetContent)
}

// NotModified answers 304: what the client has is still current. Set the fields
// that the 200 would have first: Cache-Control, Content-Location, ETag, Expires
// and Vary (RFC 9110, section 15.4.5). [Conditional] decides whether it is so.
func NotModified(w http.ResponseWriter) {
	sendEmpty(w, http.StatusNotModified)
}

// EarlyHints sends 103 with these values of Link, such as
// "</style.css>; rel=preload; as=style", so that the client can fetch them
// while the answer is being made (RFC 8297). The final answer names them too.
//
// Nothing but the final answer is sent to a client of HTTP/1.0, which knows no
// interim ones, and through a ResponseWriter that would take 103 for the final
// status, as that of http.TimeoutHandler does.
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
