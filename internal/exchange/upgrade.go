package exchange

import (
	"net/http"
	"strings"
)

// ConnectUpgrade names Upgrade in the Connection field of a response over HTTP/1
// that has an Upgrade field, as its sender must (RFC 9110, section 7.8). Where the
// connection is to be closed, net/http would put a "close" in place of the field,
// unless that is its first line.
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
	case r.Close, r.ContentLength != 0: // it may not have been read
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
