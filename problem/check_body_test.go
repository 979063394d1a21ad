package problem_test

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
)

func TestCheckQuotesOnlyTheBeginningOfAText(t *testing.T) {
	d := check(t, fetch(t, "GET", "/", sends(502, "text/html", strings.Repeat("é", 10_000))))
	assert.ErrorContains(t, d.Unwrap(), `éé"...`)
	assert.Less(t, len(d.Unwrap().Error()), 300)
}

func TestCheckReadsAWholeProblemOfMaxSize(t *testing.T) {
	doc := `{"title":"t","x":"` + strings.Repeat("x", problem.MaxSize-20) + `"}`
	require.Len(t, doc, problem.MaxSize)
	assert.Equal(t, "t", check(t, fetch(t, "GET", "/", sends(500, problem.MediaType, doc))).Title)
	assert.ErrorIs(t, check(t, fetch(t, "GET", "/", sends(500, problem.MediaType, doc+" "))), problem.ErrNoDocument)
}

func TestCheckReadsNoMoreThanMaxSize(t *testing.T) {
	for _, promised := range []int64{-1, 0, 10, 1 << 40} { // by a Content-Length that need not be true
		body := &endless{}
		assert.ErrorIs(t, check(t, &http.Response{StatusCode: 500, Body: body, ContentLength: promised}), problem.ErrNoDocument)
		assert.LessOrEqual(t, body.read, problem.MaxSize+1, "%d", promised)
		assert.True(t, body.closed, "%d", promised)
	}
	short := func() io.ReadCloser { return io.NopCloser(strings.NewReader("{}")) }
	assert.Less(t, allocated(func() {
		assert.ErrorIs(t, check(t, &http.Response{StatusCode: 500, Body: short(), ContentLength: 1 << 40}), problem.ErrNoDocument)
	}), uint64(64<<10), "memory is allocated for what arrives")
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// endless is a body without an end.
type endless struct {
	read   int
	closed bool
}

func (e *endless) Read(p []byte) (int, error) { e.read += len(p); return len(p), nil }
func (e *endless) Close() error               { e.closed = true; return nil }

func TestCheckDescribesHEADByItsStatus(t *testing.T) {
	d := check(t, fetch(t, "HEAD", "/", sends(404, problem.MediaType, "")))
	assert.Equal(t, "Not Found", d.Title)
	assert.ErrorIs(t, d, problem.ErrNoDocument)
}

func TestCheckKeepsTheErrorOfABrokenBody(t *testing.T) {
	d := check(t, fetch(t, "GET", "/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", problem.MediaType)
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(500)
		_, _ = io.WriteString(w, `{"title":"cut"}`)
	}))
	assert.Equal(t, "Internal Server Error", d.Title)
	assert.ErrorIs(t, d, problem.ErrNoDocument)
	assert.ErrorIs(t, d, io.ErrUnexpectedEOF)
}

func TestCheckKeepsTheErrorOfACanceledRequest(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(500)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer srv.Close()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
	require.NoError(t, err)
	res, err := srv.Client().Do(req)
	require.NoError(t, err)
	cancel()
	assert.ErrorIs(t, check(t, res), context.Canceled)
}

func TestCheckGivesUpOnABodyThatNeverYieldsAByte(t *testing.T) {
	res := &http.Response{StatusCode: 500, Body: idle{}}
	assert.ErrorIs(t, check(t, res), io.ErrNoProgress)
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }
func (idle) Close() error             { return nil }

func TestCheckClosesTheBodyOfAFailureAndOnlyThat(t *testing.T) {
	for _, tt := range []struct {
		code   int
		closed bool
	}{{200, false}, {399, false}, {400, true}, {500, true}, {999, true}} {
		body := &closing{Reader: strings.NewReader(`{"title":"t"}`)}
		_ = problem.CheckResponse(&http.Response{StatusCode: tt.code, Body: body})
		assert.Equal(t, tt.closed, body.closed, "%d", tt.code)
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

func TestCheckDescribesABodyThatIsStillCompressed(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", problem.MediaType)
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(409)
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, `{"title":"zipped"}`)
		_ = z.Close()
	}))
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL, nil)
	require.NoError(t, err)
	res, err := srv.Client().Do(req)
	require.NoError(t, err)
	assert.Equal(t, "zipped", check(t, res).Title, "net/http unpacks what it has requested")

	req.Header.Set("Accept-Encoding", "gzip")
	res, err = srv.Client().Do(req)
	require.NoError(t, err)
	assert.Equal(t, "Conflict", check(t, res).Title, "the caller unpacks it")
}

func TestCheckAllocatesLittle(t *testing.T) {
	for _, tt := range []struct {
		why, doc string
		most     float64
	}{
		{"minimal", `{"type":"about:blank","title":"Not Found","status":404}`, 2},
		{"the RFC's example", golden(t, "rfc9457-s3-2.json"), 7},
	} {
		r := strings.NewReader(tt.doc)
		body := io.NopCloser(r)
		header := http.Header{"Content-Type": {problem.MediaType}, "Content-Length": {strconv.Itoa(len(tt.doc))}}
		req := &http.Request{URL: &url.URL{Scheme: "https", Host: "example.com"}}
		res := new(http.Response)
		assert.LessOrEqual(t, testing.AllocsPerRun(100, func() {
			r.Reset(tt.doc)
			*res = http.Response{StatusCode: 404, Header: header, Body: body, ContentLength: int64(len(tt.doc)), Request: req}
			if problem.CheckResponse(res) == nil {
				t.Fatal("no problem")
			}
		}), tt.most, tt.why)
	}
}
