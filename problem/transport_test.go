package problem_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
)

func TestTransportTurnsAFailureIntoAnError(t *testing.T) {
	srv := httptest.NewServer(sends(403, problem.MediaType, write(t, OutOfCredit.New(problem.Extension("balance", 30)))))
	defer srv.Close()
	client := &http.Client{Transport: &problem.Transport{}}
	defer client.CloseIdleConnections()
	res, err := client.Get(srv.URL + "/msgs")
	assert.Nil(t, res)
	require.ErrorIs(t, err, OutOfCredit)
	u, ok := errors.AsType[*url.Error](err)
	require.True(t, ok)
	assert.Equal(t, "Get", u.Op)
	assert.Equal(t, srv.URL+"/msgs", u.URL)
	d, ok := errors.AsType[*problem.Details](err)
	require.True(t, ok)
	var balance int
	require.NoError(t, d.Extension("balance", &balance))
	assert.Equal(t, 30, balance)
	assert.Equal(t, 502, problem.From(err).Status)
}

func TestTransportReturnsSuccessesAndErrors(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		why  string
		res  *http.Response
		err  error
		want error
	}{
		{"a success", &http.Response{StatusCode: 200, Body: http.NoBody}, nil, nil},
		{"an error", nil, broken, broken},
	} {
		tr := &problem.Transport{Base: roundTrip(func(*http.Request) (*http.Response, error) { return tt.res, tt.err })}
		req := httptest.NewRequest("GET", "http://example.com/", nil)
		res, err := tr.RoundTrip(req)
		assert.Equal(t, tt.res, res, tt.why)
		assert.Equal(t, tt.want, err, tt.why)
		tr.CloseIdleConnections() // the base cannot: nothing happens
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTransportResolvesAgainstItsRequest(t *testing.T) {
	tr := &problem.Transport{Base: roundTrip(func(*http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: 403, Header: http.Header{"Content-Type": {problem.MediaType}},
			Body: io.NopCloser(strings.NewReader(`{"type":"/probs/out-of-credit"}`)),
		}, nil
	})}
	res, err := tr.RoundTrip(httptest.NewRequest("GET", "https://example.com/orders", nil))
	assert.Nil(t, res, "a response or an error, not both")
	assert.ErrorIs(t, err, OutOfCredit)
}

func TestTransportMayBeSharedByManyGoroutines(t *testing.T) {
	srv := httptest.NewServer(sends(503, problem.MediaType, `{"title":"t","x":[1]}`))
	defer srv.Close()
	client := &http.Client{Transport: &problem.Transport{Base: srv.Client().Transport}}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				_, err := client.Get(srv.URL)
				if d, ok := errors.AsType[*problem.Details](err); !ok || d.Title != "t" || !d.Retryable() {
					t.Errorf("Get: %v", err)
				}
			}
		})
	}
	all.Wait()
}
