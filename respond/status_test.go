package respond_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
)

func TestEmptyResponsesDescribeNoBody(t *testing.T) {
	for name, c := range map[string]struct {
		send   func(http.ResponseWriter)
		code   int
		length string
	}{
		"NoContent":    {respond.NoContent, 204, ""},
		"ResetContent": {respond.ResetContent, 205, "0"},
		"NotModified":  {respond.NotModified, 304, ""},
	} {
		h := func(w http.ResponseWriter, r *http.Request) {
			for _, field := range []string{"Content-Length", "Content-Type", "Content-Encoding", "Content-Language"} {
				w.Header().Set(field, "7")
			}
			w.Header().Set("ETag", `"1"`)
			w.Header().Set("Cache-Control", "max-age=60")
			c.send(w)
			c.send(w) // a second time changes nothing
		}
		for _, method := range []string{"GET", "HEAD"} {
			for _, get := range bothVersions {
				res, body := get(t, method, h)
				assert.Equal(t, c.code, res.StatusCode, name)
				assert.Empty(t, body, name)
				delete(res.Header, "Date")
				want := http.Header{"Etag": {`"1"`}, "Cache-Control": {"max-age=60"}}
				if c.length != "" {
					want["Content-Length"] = []string{c.length}
				}
				assert.Equal(t, want, res.Header, name)
			}
		}
		head, body := do10(t, "GET", h)
		assert.Contains(t, head, " "+http.StatusText(c.code)+"\r\n", name)
		assert.Empty(t, body, name)
	}
}

func TestEarlyHintsAreRepeatedInTheResponse(t *testing.T) {
	const css, js = "</a.css>; rel=preload; as=style", "</a.js>; rel=preload; as=script"
	h := func(w http.ResponseWriter, r *http.Request) {
		respond.EarlyHints(w, r)
		respond.EarlyHints(w, r, css)
		respond.EarlyHints(w, r, js+"\r\nSet-Cookie: a=b")
		respond.Text(w, 200, "x")
	}
	for _, protocol := range wiretest.Protocols {
		res := wiretest.Get(t, protocol, http.HandlerFunc(h))
		assert.Equal(t, []int{103, 103}, res.InterimCodes())
		assert.Equal(t, []string{css}, res.Interim[0].Header["Link"])
		assert.Equal(t, []string{css, js + "  Set-Cookie: a=b"}, res.Header["Link"])
		assert.Equal(t, 200, res.StatusCode)
	}
}

func TestEarlyHintsAreNotSentWhereMisread(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) {
		respond.EarlyHints(w, r, "</a.css>; rel=preload")
		respond.Error(w, 404)
	}
	head, _ := do10(t, "GET", h)
	assert.True(t, strings.HasPrefix(head, "HTTP/1.0 404"), head)
	assert.Contains(t, head, "Link: </a.css>")

	res := wiretest.Get(t, wiretest.HTTP1, http.TimeoutHandler(http.HandlerFunc(h), time.Minute, ""))
	assert.Empty(t, res.Interim)
	assert.Equal(t, 404, res.StatusCode)
}

func TestCreatedAndAcceptedHaveALocation(t *testing.T) {
	res, body := do(t, "POST", func(w http.ResponseWriter, r *http.Request) { respond.Created(w, "/orders/17", []int{17}) })
	assert.Equal(t, 201, res.StatusCode)
	assert.Equal(t, "/orders/17", res.Header.Get("Location"))
	assert.Equal(t, "[17]\n", body)

	res, body = do(t, "POST", func(w http.ResponseWriter, r *http.Request) { respond.Created(w, "", nil) })
	assert.Equal(t, 201, res.StatusCode)
	assert.Empty(t, res.Header["Location"])
	assert.Empty(t, res.Header["Content-Type"])
	assert.Equal(t, "0", res.Header.Get("Content-Length"))
	assert.Empty(t, body)

	for _, c := range []struct {
		after time.Duration
		want  string
	}{{0, ""}, {-1, ""}, {1, "1"}, {time.Second, "1"}, {1001 * time.Millisecond, "2"}, {time.Hour, "3600"}} {
		res, _ = do(t, "POST", func(w http.ResponseWriter, r *http.Request) {
			respond.Accepted(w, "/jobs/17", c.after, map[string]string{"state": "queued"})
		})
		assert.Equal(t, 202, res.StatusCode)
		assert.Equal(t, "/jobs/17", res.Header.Get("Location"))
		assert.Equal(t, c.want, res.Header.Get("Retry-After"), c.after)
	}
}
