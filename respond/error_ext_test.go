package respond_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answer sends one request through a real server to h and returns what came
// back, with the whole body.
func answer(t *testing.T, method string, h http.HandlerFunc) (*http.Response, string) {
	t.Helper()
	srv := httptest.NewServer(h)
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+"/x", nil)
	require.NoError(t, err)
	client := srv.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(body)
}

func TestErrorWithACodeAloneAnswersWithTheDocumentedProblem(t *testing.T) {
	res, body := answer(t, "GET", func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 503) })
	want := `{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"The server cannot handle requests at the moment because of overload or maintenance. Try again later."}`
	assert.Equal(t, want, body)
	assert.Equal(t, 503, res.StatusCode)
	delete(res.Header, "Date")
	assert.Equal(t, http.Header{
		"Content-Type":           {"application/problem+json"},
		"Content-Length":         {strconv.Itoa(len(want))},
		"X-Content-Type-Options": {"nosniff"},
		"Cache-Control":          {"no-store"},
	}, res.Header)
}

func TestErrorAnswersEveryCodeWithItsRow(t *testing.T) {
	for s := range problem.Statuses() {
		t.Run(s.String(), func(t *testing.T) {
			res, body := answer(t, "GET", func(w http.ResponseWriter, r *http.Request) { respond.Error(w, s.Code) })
			want := s
			if s.Class() == problem.Informational {
				want, _ = problem.Lookup(500) // no final answer can have the code
			}
			assert.Equal(t, want.Code, res.StatusCode)
			if problem.BodyForbidden(s.Code) && s.Class() != problem.Informational {
				assert.Empty(t, body)
				assert.Empty(t, res.Header.Get("Content-Type"))
				return
			}
			var got struct {
				Type, Title, Detail string
				Status              int
			}
			require.NoError(t, json.Unmarshal([]byte(body), &got))
			assert.Equal(t, "about:blank", got.Type)
			assert.Equal(t, want.Reason, got.Title)
			assert.Equal(t, want.Description, got.Detail)
			assert.Equal(t, want.Code, got.Status)
			assert.Equal(t, problem.MediaType, res.Header.Get("Content-Type"))
			assert.Equal(t, int64(len(body)), res.ContentLength)
		})
	}
}

func TestErrorSendsACodeThatCannotBeSentAs500(t *testing.T) {
	for _, code := range []int{-1, 0, 1, 42, 99, 100, 101, 199, 600, 999, 1000, 1 << 31} {
		res, body := answer(t, "GET", func(w http.ResponseWriter, r *http.Request) {
			respond.Error(w, code, problem.Detail("about another status"))
		})
		assert.Equal(t, 500, res.StatusCode, "%d", code)
		assert.Contains(t, body, `"status":500`, "%d", code)
		assert.NotContains(t, body, "another", "%d", code)
	}
}

func TestErrorReplacesWhatDescribedAnotherBody(t *testing.T) {
	res, body := answer(t, "GET", func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Length", "5")
		h.Set("ETag", `"1"`)
		h.Set("Cache-Control", "public, max-age=3600")
		h.Set("Content-Disposition", "attachment")
		h.Set("X-Request-Id", "17")
		respond.Error(w, 404, problem.Detail("no order 17"), problem.Header("Link", "<https://example.com/help>; rel=help"))
	})
	assert.Equal(t, `{"type":"about:blank","title":"Not Found","status":404,"detail":"no order 17"}`, body)
	assert.Equal(t, int64(len(body)), res.ContentLength)
	assert.Empty(t, res.Header.Get("ETag"))
	assert.Empty(t, res.Header.Get("Content-Disposition"))
	assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	assert.Equal(t, "17", res.Header.Get("X-Request-Id"), "fields about the request stay")
	assert.Equal(t, "<https://example.com/help>; rel=help", res.Header.Get("Link"))
}

func TestErrorOnHEADHasTheHeaderOfGET(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 410) }
	get, _ := answer(t, "GET", h)
	head, body := answer(t, "HEAD", h)
	delete(get.Header, "Date")
	delete(head.Header, "Date")
	assert.Equal(t, get.Header, head.Header)
	assert.Empty(t, body)
}

func TestErrorWithACodeAloneAllocatesOnlyTheHeader(t *testing.T) {
	w := &discard{header: http.Header{}}
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		clear(w.header)
		respond.Error(w, 503)
	}), 1.0)
}

// discard is a ResponseWriter that keeps nothing but the header.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
