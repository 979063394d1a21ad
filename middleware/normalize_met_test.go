package middleware_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/stretchr/testify/assert"
)

// A handler that does all that its status requires is left alone, and nothing is
// reported of it.
func TestNormalizeDoesNotReportACompleteStatus(t *testing.T) {
	for _, row := range []struct {
		code   int
		header map[string]string
		change func(*http.Request)
		why    string
	}{
		{201, map[string]string{"Location": "/17"}, nil, "RFC 9110, 15.3.2"},
		{206, map[string]string{"Content-Range": "bytes 0-1/5", "Content-Type": "text/plain"}, nil, "RFC 9110, 15.3.7.1"},
		{206, map[string]string{"Content-Type": "multipart/byteranges; boundary=x"}, nil, "several ranges name theirs in the parts: RFC 9110, 15.3.7.2"},
		{207, map[string]string{"Content-Type": "application/xml"}, nil, "RFC 4918, 13"},
		{226, map[string]string{"IM": "vcdiff", "ETag": `"2"`}, wiretest.Field("A-IM", "vcdiff"), "RFC 3229, 10.4.1"},
		{300, nil, nil, "Location is for a preferred one: RFC 9110, 15.4.1"},
		{301, map[string]string{"Location": "/y"}, nil, ""},
		{302, map[string]string{"Location": "/y"}, nil, ""},
		{303, map[string]string{"Location": "/y"}, nil, ""},
		{304, map[string]string{"ETag": `"1"`, "Vary": "Accept", "Cache-Control": "max-age=60", "Expires": "Sun, 09 Sep 2001 01:46:40 GMT", "Content-Location": "/x.en"}, nil, "as the 200 would have: RFC 9110, 15.4.5"},
		{307, map[string]string{"Location": "/y"}, nil, ""},
		{308, map[string]string{"Location": "/y"}, nil, ""},
		{401, map[string]string{"WWW-Authenticate": "Basic"}, nil, ""},
		{405, map[string]string{"Allow": ""}, nil, "an empty list is one: RFC 9110, 10.2.1"},
		{407, map[string]string{"Proxy-Authenticate": "Basic"}, nil, ""},
		{413, nil, nil, "Retry-After and an end of the connection are at will: RFC 9110, 15.5.14"},
		{415, nil, nil, "no type is required to be listed: RFC 9110, 15.5.16"},
		{416, map[string]string{"Content-Range": "bytes */5"}, nil, ""},
		{425, nil, wiretest.Field("Early-Data", "1"), "RFC 8470, 5.2"},
		{426, map[string]string{"Upgrade": "h2c"}, nil, ""},
		{429, nil, nil, "Retry-After is at will: RFC 6585, 4"},
		{451, map[string]string{"Link": `<https://example.com/>; rel="blocked-by"`}, nil, ""},
		{503, nil, nil, "Retry-After is at will: RFC 9110, 15.6.4"},
	} {
		for _, own := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d %s %v", row.code, row.why, own), func(t *testing.T) {
				n, c := reports(middleware.NormalizeOptions{})
				srv := wiretest.Start(t, "HTTP/1.1", middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					for f, v := range row.header {
						w.Header().Set(f, v)
					}
					if own && row.code >= 400 {
						w.Header().Set("Content-Type", "application/json")
					}
					w.WriteHeader(row.code)
					if own && row.code >= 400 {
						io.WriteString(w, "{}")
					}
				})))
				a := wiretest.Send(t, srv, func(r *http.Request) {
					if row.change != nil {
						row.change(r)
					}
				})
				srv.Close()
				assert.NoError(t, a.Err)
				assert.Equal(t, row.code, a.StatusCode)
				for f, v := range row.header {
					assert.Equal(t, v, a.Header.Get(f), f)
				}
				assert.Nil(t, reported(c))
			})
		}
	}
}

func TestA304KeepsOnlyCacheFields(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		a := wiretest.Get(t, protocol, normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, f := range []string{"Content-Type", "Content-Encoding", "Content-Language", "Content-Length"} {
				w.Header().Set(f, "5")
			}
			w.Header().Set("ETag", `"1"`)
			w.WriteHeader(304)
		})), wiretest.Field("Accept-Encoding", "gzip"))
		assert.NoError(t, a.Err)
		for _, f := range []string{"Content-Type", "Content-Encoding", "Content-Language", "Content-Length"} {
			assert.NotContains(t, a.Header, f, "%s: RFC 9110, 15.4.5", protocol)
		}
		assert.Equal(t, `"1"`, a.Header.Get("ETag"))
	}
}

func TestNoInterimResponseHasALength(t *testing.T) {
	h := normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "5")
		w.Header().Set("Transfer-Encoding", "identity")
		w.WriteHeader(103)
		w.WriteHeader(199) // unregistered, and yet a status code
		w.Header().Del("Transfer-Encoding")
		io.WriteString(w, "hello")
	}))
	got := wiretest.Raw(t, h, wiretest.RawRequest("GET /"))
	assert.Equal(t, []int{103, 199, 200}, wiretest.StatusCodes(got))
	interim, _, _ := strings.Cut(got, "HTTP/1.1 200")
	assert.NotContains(t, interim, "Content-Length", "RFC 9110, 8.6")
	assert.NotContains(t, interim, "Transfer-Encoding", "RFC 9112, 6.1")
	a := wiretest.Get(t, "HTTP/2", h)
	assert.Equal(t, []int{103, 199}, a.InterimCodes())
	assert.Equal(t, "hello", a.Text)
}

func TestNormalizeLeavesOtherProtocolsAlone(t *testing.T) {
	for _, row := range []struct {
		why, typ, body string
		code           int
	}{
		{"gRPC", "application/grpc", "\x00\x00\x00\x00\x00", 503},
		{"WebDAV: RFC 4918, 16", "application/xml", `<D:error xmlns:D="DAV:"><D:lock-token-submitted/></D:error>`, 423},
		{"OAuth: RFC 6749, 5.2", "application/json;charset=UTF-8", `{"error":"invalid_grant"}`, 400},
		{"GraphQL", "application/graphql-response+json", `{"errors":[]}`, 400},
	} {
		for _, protocol := range wiretest.Protocols {
			n, c := reports(middleware.NormalizeOptions{})
			srv := wiretest.Start(t, protocol, middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", row.typ)
				w.WriteHeader(row.code)
				io.WriteString(w, row.body)
			})))
			a := wiretest.Send(t, srv)
			srv.Close()
			assert.Equal(t, row.body, a.Text, row.why)
			assert.Equal(t, row.typ, a.Header.Get("Content-Type"), row.why)
			assert.Equal(t, row.code, a.StatusCode, row.why)
			assert.Nil(t, reported(c), row.why)
		}
	}
}

func TestATextBecomesTheFormatThatAcceptPrefers(t *testing.T) {
	for accept, typ := range map[string]string{
		"text/html,application/xhtml+xml;q=0.9,*/*;q=0.8": "text/html; charset=utf-8", // a browser
		"application/xml": "application/problem+xml",
		"*/*":             "application/problem+json",
		"image/png":       "application/problem+json",
	} {
		for _, protocol := range wiretest.Protocols {
			for why, h := range map[string]http.HandlerFunc{
				"http.Error": func(w http.ResponseWriter, r *http.Request) { http.Error(w, "<no> such order", 404) },
				"a panic":    func(w http.ResponseWriter, r *http.Request) { panic("<no> such order") },
			} {
				a := wiretest.Get(t, protocol, normalize(h), wiretest.Field("Accept", accept))
				assert.Equal(t, typ, a.Header.Get("Content-Type"), why)
				assert.Equal(t, "Accept", a.Header.Get("Vary"), why)
				assert.Equal(t, strconv.Itoa(len(a.Text)), a.Header.Get("Content-Length"), why)
				if why == "a panic" {
					assert.NotContains(t, a.Text, "such order")
				} else {
					assert.Contains(t, a.Text, "such order")
				}
				if typ != "application/problem+json" {
					assert.NotContains(t, a.Text, "<no>", "%s: escaped", typ)
				}
			}
		}
	}
}

func TestServeMuxHandlesOddMethodsAndPaths(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /a/b", func(w http.ResponseWriter, r *http.Request) {})
	got := wiretest.Raw(t, normalize(mux), wiretest.RawRequest("BREW /a/b"))
	assert.Equal(t, []int{405}, wiretest.StatusCodes(got))
	assert.Equal(t, "GET, HEAD", headerOf(t, got).Get("Allow"))
	assert.Contains(t, got, `"status":405`)
	raw, got := wiretest.Raw(t, mux, wiretest.RawRequest("GET /a//b")), wiretest.Raw(t, normalize(mux), wiretest.RawRequest("GET /a//b"))
	assert.Equal(t, wiretest.StatusCodes(raw), wiretest.StatusCodes(got), "a redirect is not an error")
	assert.Equal(t, "/a/b", headerOf(t, got).Get("Location"))
}
