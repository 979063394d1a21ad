package exchange

import (
	"net/http"
	"strings"
)

// ConnectUpgrade lists Upgrade in the Connection header field of an HTTP/1 response
// with an Upgrade header field, as RFC 9110, section 7.8, requires. If the
// connection is to be closed, net/http would replace the field by "close", unless
// that is its first line.
func ConnectUpgrade(h http.Header, r *http.Request) {
	persistence, options := "", "Upgrade"
	for option := range strings.SplitSeq(strings.Join(h["Connection"], ","), ",") {
		switch option = strings.TrimSpace(option); strings.ToLower(option) {
		case "", "upgrade":
		case "close", "keep-alive":
			persistence = strings.ToLower(option)
		default:
			options += ", " + option
		}
	}
	switch {
	case r.Close, r.ContentLength != 0: // the body may be unread
		persistence = "close"
	case persistence == "" && !r.ProtoAtLeast(1, 1): // HTTP/1.0 closes by default
		persistence = "keep-alive"
	}
	if persistence == "" {
		h["Connection"] = []string{options}
	} else {
		h["Connection"] = []string{persistence, options}
	}
}
