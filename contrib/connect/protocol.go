package connect

import (
	"net/http"
	"strings"
)

// protocol is the protocol of a request.
type protocol int

const (
	none protocol = iota
	connectUnary
	connectStream
	grpc
)

// protocolOf returns the protocol of a request and the media type of its
// responses, or "" where the protocol does not require that of the request.
func protocolOf(r *http.Request) (protocol, string) {
	switch r.Method {
	case http.MethodGet:
		if strings.Contains(r.URL.RawQuery, "connect=") && r.URL.Query().Get("connect") == "v1" {
			return connectUnary, ""
		}
		return none, ""
	case http.MethodPost:
	default:
		return none, ""
	}
	mediaType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	mediaType = strings.ToLower(strings.TrimSpace(mediaType))
	kind, codec, hasCodec := strings.Cut(mediaType, "+")
	if !isToken(codec) {
		mediaType, codec = kind, ""
	}
	switch kind {
	case "application/grpc", "application/grpc-web", "application/grpc-web-text":
		return grpc, mediaType
	case "application/connect":
		if hasCodec && codec != "" {
			return connectStream, mediaType
		}
	case "application/proto":
		return connectUnary, ""
	}
	if r.Header.Get("Connect-Protocol-Version") == "1" && strings.HasPrefix(kind, "application/") {
		return connectUnary, ""
	}
	return none, ""
}

// maxCodec is the greatest length of a codec's name that is sent back.
const maxCodec = 32

func isToken(s string) bool {
	return len(s) <= maxCodec && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-._") == ""
}
