package respond_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnswersWithoutContentHaveNoneAndNothingAboutIt(t *testing.T) {
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
			for _, get := range []func(*testing.T, string, http.HandlerFunc, ...string) (*http.Response, string){answer, answer2} {
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
		head, body := answer10(t, "GET", h)
		assert.Contains(t, head, " "+http.StatusText(c.code)+"\r\n", name)
		assert.Empty(t, body, name)
	}
}

// hints asks for the interim answers too.
func hints(t *testing.T, srv *httptest.Server) (interim []textproto.MIMEHeader, final *http.Response) {
	t.Helper()
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			assert.Equal(t, 103, code)
			interim = append(interim, h)
			return nil
		},
	})
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
	require.NoError(t, err)
	res, err := srv.Client().Do(req)
	require.NoError(t, err)
	_ = res.Body.Close()
	return interim, res
}

func TestEarlyHintsGoBeforeTheAnswerAndIntoIt(t *testing.T) {
	const css, js = "</a.css>; rel=preload; as=style", "</a.js>; rel=preload; as=script"
	h := func(w http.ResponseWriter, r *http.Request) {
		respond.EarlyHints(w, r)
		respond.EarlyHints(w, r, css)
		respond.EarlyHints(w, r, js+"\r\nSet-Cookie: a=b")
		respond.Text(w, 200, "x")
	}
	for _, http2 := range []bool{false, true} {
		interim, res := hints(t, serve(t, http.HandlerFunc(h), http2))
		require.Len(t, interim, 2)
		assert.Equal(t, []string{css}, interim[0]["Link"])
		assert.Equal(t, []string{css, js + "  Set-Cookie: a=b"}, res.Header["Link"])
		assert.Equal(t, 200, res.StatusCode)
	}
}

func TestEarlyHintsAreKeptFromWhoWouldMisreadThem(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) {
		respond.EarlyHints(w, r, "</a.css>; rel=preload")
		respond.Error(w, 404)
	}
	head, _ := answer10(t, "GET", h)
	assert.True(t, strings.HasPrefix(head, "HTTP/1.0 404"), head)
	assert.Contains(t, head, "Link: </a.css>")

	interim, res := hints(t, serve(t, http.TimeoutHandler(http.HandlerFunc(h), time.Minute, ""), false))
	assert.Empty(t, interim)
	assert.Equal(t, 404, res.StatusCode)
}
