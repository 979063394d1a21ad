package problem_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// TestNoErrorMessageReachesAClient puts a random word wherever an error, a panic or an
// upstream can contain one, sends each through a real server, and looks for the word in
// every format of the response.
func TestNoErrorMessageReachesAClient(t *testing.T) {
	secret := rand.Text()
	plain := errors.New(secret)
	upstream := check(t, fetch(t, "GET", "/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Upstream", secret)
		w.Header().Set("Set-Cookie", "session="+secret)
		w.Header().Set("Retry-After", "60")
		sends(404, problem.MediaType, fmt.Sprintf(`{"type":"https://example.com/%[1]s","title":%[1]q,"detail":%[1]q,"instance":"/%[1]s","secret":%[1]q}`, secret))(w, r)
	}))
	page := check(t, fetch(t, "GET", "/", sends(500, "text/html", secret)))
	decoded := read(t, fmt.Sprintf(`{"title":%q,"status":400}`, secret))
	for why, err := range map[string]error{
		"a plain error":                     plain,
		"wrapped":                           fmt.Errorf("%s: %w", secret, plain),
		"a cause":                           problem.New(404, problem.Cause(plain)),
		"a cause of a type":                 OutOfCredit.New(problem.Cause(plain)),
		"around a problem":                  fmt.Errorf("%s: %w", secret, problem.New(404)),
		"around a type":                     fmt.Errorf("%s: %w", secret, OutOfCredit),
		"joined":                            errors.Join(plain, problem.New(409, problem.Cause(plain))),
		"an upstream's problem":             upstream,
		"an upstream's problem, wrapped":    fmt.Errorf("%s: %w", secret, upstream),
		"an upstream's problem, varied":     upstream.With(problem.Extension("x", 1)),
		"an upstream's problem as a cause":  problem.New(503, problem.Cause(upstream)),
		"an upstream's problem, by client":  &url.Error{Op: "Get", URL: "https://example.com/" + secret, Err: upstream},
		"an upstream's page":                page,
		"a decoded problem":                 decoded,
		"a file":                            &fs.PathError{Op: "open", Path: "/" + secret, Err: fs.ErrNotExist},
		"a file without permission":         &fs.PathError{Op: "open", Path: "/" + secret, Err: fs.ErrPermission},
		"the network":                       &net.OpError{Op: "dial", Net: secret, Err: plain},
		"a deadline":                        fmt.Errorf("%s: %w", secret, context.DeadlineExceeded),
		"cancellation":                      fmt.Errorf("%s: %w", secret, context.Canceled),
		"unsupported":                       fmt.Errorf("%s: %w", secret, errors.ErrUnsupported),
		"malformed JSON":                    fmt.Errorf("%s: %w", secret, json.Unmarshal([]byte("{"+secret), new(any))),
		"a value of the wrong type":         json.Unmarshal([]byte(`{"a":"`+secret+`"}`), new(struct{ A int })),
		"an unknown member":                 unknownMember(secret),
		"a body that cannot be read":        problem.BadBody(plain),
		"an extension that is an error":     problem.New(400, problem.Extension("bad", plain)),
		"an extension that panics":          problem.New(400, problem.Extension("bad", panicking{secret})),
		"an extension with exported fields": problem.New(400, problem.Extension("bad", &net.OpError{Op: secret, Err: plain})),
		"an extension that fails":           problem.New(400, problem.Extension("bad", failsWith{plain})),
		"a status that cannot be sent":      problem.New(99, problem.Detail(secret), problem.Cause(plain)),
	} {
		p := respond.Responder{Logger: slog.New(slog.DiscardHandler)}
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if d, ok := err.(*problem.Details); ok && r.URL.Path == "/problem" {
				p.Problem(w, r, d)
				return
			}
			p.Fail(w, r, err)
		}))
		for i, accept := range []string{"*/*", "application/problem+json", "application/problem+xml", "text/html", "text/plain", "*/*", "text/html"} {
			path := "/"
			if i > 4 {
				path = "/problem"
			}
			req, e := http.NewRequestWithContext(t.Context(), "GET", srv.URL+path, nil)
			require.NoError(t, e)
			req.Header.Set("Accept", accept)
			res, e := srv.Client().Do(req)
			require.NoError(t, e, why)
			body, e := io.ReadAll(res.Body)
			require.NoError(t, e, why)
			_ = res.Body.Close()
			assert.GreaterOrEqual(t, res.StatusCode, 400, why)
			assert.NotEmpty(t, body, why)
			assert.NotContains(t, string(body), secret, "%s as %s", why, accept)
			assert.NotContains(t, fmt.Sprint(res.Header, res.Trailer), secret, "%s as %s", why, accept)
		}
		srv.Close()
	}
}

func unknownMember(name string) error {
	dec := json.NewDecoder(strings.NewReader(`{"` + name + `":1}`))
	dec.DisallowUnknownFields()
	return dec.Decode(new(struct{}))
}

type failsWith struct{ err error }

func (f failsWith) MarshalJSON() ([]byte, error) { return nil, f.err }
