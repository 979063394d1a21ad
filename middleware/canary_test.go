package middleware_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
)

// describes is a value of a panic that speaks in every way that fmt knows.
type describes struct{ Secret string }

func (d describes) Error() string                { return d.Secret }
func (d describes) String() string               { return d.Secret }
func (d describes) GoString() string             { return d.Secret }
func (d describes) Format(s fmt.State, _ rune)   { _, _ = io.WriteString(s, d.Secret) }
func (d describes) MarshalJSON() ([]byte, error) { return []byte(`"` + d.Secret + `"`), nil }

// The test leaves a random word wherever a handler that fails can leave one, and
// looks for it in every form of the response, behind every layer that responds for
// the handler.
func TestNoErrorMessageReachesAClient(t *testing.T) {
	secret := rand.Text()
	plain := errors.New(secret)
	late := make(chan struct{}) // until then a handler that is too slow does not return
	defer close(late)
	panics := func(v any) http.HandlerFunc { return func(http.ResponseWriter, *http.Request) { panic(v) } }
	failures := map[string]http.HandlerFunc{
		"a panic with a string":        panics(secret),
		"with an error":                panics(plain),
		"with a wrapped error":         panics(fmt.Errorf("%s: %w", secret, plain)),
		"with a value that describes":  panics(describes{secret}),
		"with a struct":                panics(struct{ DSN string }{secret}),
		"with a problem":               panics(problem.New(404, problem.Detail(secret), problem.Cause(plain), problem.Header("X-Inner", secret))),
		"with a type":                  panics(problem.Define("https://example.com/"+secret, secret, 400, secret)),
		"from the runtime":             func(http.ResponseWriter, *http.Request) { _ = map[string]any{"a": secret}["a"].(int) },
		"from a handler with an error": respond.Handler(func(http.ResponseWriter, *http.Request) error { panic(plain) }).ServeHTTP,
		"on another goroutine":         middleware.Timeout(time.Minute)(panics(plain)).ServeHTTP,
		"an error that is returned":    (&respond.Responder{Logger: quiet}).Handler(func(http.ResponseWriter, *http.Request) error { return plain }).ServeHTTP,
	}
	text := func(code int, parts ...string) http.HandlerFunc { // without a type
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			for _, p := range parts {
				_, _ = io.WriteString(w, p)
			}
		}
	}
	withheld := map[string]http.HandlerFunc{ // by Normalize only
		"the text of a 5xx":             func(w http.ResponseWriter, _ *http.Request) { http.Error(w, secret, 500) },
		"of another":                    func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "dial "+secret, 502) },
		"of one that is not registered": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, secret, 599) },
		"without a type":                text(503, secret),
		"in parts":                      text(500, "pq: ", secret),
		"behind a code that is none":    text(1000, secret),
		"by copying": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			_, _ = io.Copy(w, strings.NewReader(secret))
		},
		"flushed":                       func(w http.ResponseWriter, _ *http.Request) { http.Error(w, secret, 500); w.(http.Flusher).Flush() },
		"behind the correction of one":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(0); http.Error(w, secret, 500) },
		"behind a code that is changed": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, secret, 470) },
		"behind an error that was sent": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no", 500)
			_, _ = io.WriteString(w, secret)
		},
		"of a 4xx before a panic": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, secret, 404); panic(plain) },
		"untyped, before a panic": func(w http.ResponseWriter, r *http.Request) { text(400, secret)(w, r); panic(plain) },
		"with fields about it": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Disposition", "attachment; filename="+secret)
			w.Header().Set("Content-Location", "/"+secret)
			w.Header().Set("ETag", `"`+secret+`"`)
			http.Error(w, secret, 500)
		},
		"that cannot be shown": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "\x00"+secret, 400) },
		"of http.TimeoutHandler": http.TimeoutHandler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-late }),
			time.Nanosecond, secret).ServeHTTP,
	}
	tuned := &respond.Responder{Logger: quiet, Instance: func(*http.Request) string { return "/failures/1" }}
	normalizer := middleware.NormalizeOptions{Logger: quiet, Codes: map[int]int{470: 500}}
	strict := middleware.NormalizeOptions{Logger: quiet, Codes: map[int]int{470: 500}, Strict: true, Responder: tuned}
	recoverer := middleware.RecoverOptions{Logger: quiet}
	normalizing := map[string]func(http.Handler) http.Handler{
		"Normalize":         middleware.NormalizeWith(normalizer),
		"a tuned Normalize": middleware.NormalizeWith(strict),
		"two of them": func(h http.Handler) http.Handler {
			return middleware.NormalizeWith(normalizer)(middleware.NormalizeWith(normalizer)(h))
		},
		"the usual chain": func(h http.Handler) http.Handler {
			return middleware.RequestID(middleware.AccessLogWith(middleware.AccessLogOptions{Logger: quiet})(middleware.NormalizeWith(normalizer)(middleware.RecoverWith(recoverer)(h))))
		},
	}
	for layer, wrap := range normalizing {
		for why, h := range withheld {
			keepsSecret(t, secret, layer+", "+why, wrap(h))
		}
	}
	recovering := maps.Clone(normalizing)
	recovering["Recover"] = middleware.RecoverWith(recoverer)
	recovering["a tuned Recover"] = middleware.RecoverWith(middleware.RecoverOptions{Logger: quiet, Responder: tuned})
	for layer, wrap := range recovering {
		for why, h := range failures {
			keepsSecret(t, secret, layer+", "+why, wrap(h))
		}
	}
}

// keepsSecret fails if the response of h has the secret in any form, or if there is none.
func keepsSecret(t *testing.T, secret, why string, h http.Handler) {
	t.Helper()
	for _, protocol := range wiretest.Protocols {
		srv := wiretest.Start(t, protocol, h)
		for _, accept := range []string{"*/*", "application/problem+json", "application/problem+xml", "text/html", "text/plain"} {
			a := wiretest.Send(t, srv, wiretest.Field("Accept", accept))
			assert.NoError(t, a.Err, why)
			assert.GreaterOrEqual(t, a.StatusCode, 400, why)
			assert.NotEmpty(t, a.Text, why)
			assert.NotContains(t, a.Text, secret, "%s, %s as %s", protocol, why, accept)
			assert.NotContains(t, fmt.Sprint(a.Header, a.Trailer), secret, "%s, %s as %s", protocol, why, accept)
		}
		srv.Close()
	}
}
