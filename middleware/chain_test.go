package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/stretchr/testify/assert"
)

func tag(name string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("Via", name)
			next.ServeHTTP(w, r)
		})
	}
}

func TestChainRunsInTheOrderWritten(t *testing.T) {
	end := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})
	for _, row := range []struct {
		why  string
		mw   []func(http.Handler) http.Handler
		want []string
	}{
		{"none: the handler as it is", nil, nil},
		{"one", []func(http.Handler) http.Handler{tag("a")}, []string{"a"}},
		{"the first is the outermost", []func(http.Handler) http.Handler{tag("a"), tag("b"), tag("c")}, []string{"a", "b", "c"}},
		{"a chain is a middleware", []func(http.Handler) http.Handler{tag("a"), middleware.Chain(tag("b"), tag("c"))}, []string{"a", "b", "c"}},
	} {
		rec := httptest.NewRecorder()
		middleware.Chain(row.mw...)(end).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
		assert.Equal(t, row.want, rec.Header()["Via"], row.why)
	}
}

func TestChainKeepsItsOwnCopyOfTheList(t *testing.T) {
	list := []func(http.Handler) http.Handler{tag("a")}
	chain := middleware.Chain(list...)
	list[0] = tag("changed")
	rec := httptest.NewRecorder()
	chain(http.NotFoundHandler()).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	assert.Equal(t, []string{"a"}, rec.Header()["Via"])
}

func TestChainPanicsIfAMiddlewareIsNil(t *testing.T) {
	assert.PanicsWithValue(t, "middleware: Chain: middleware 2 of 2 is nil", func() { middleware.Chain(tag("a"), nil) })
}

func TestANilHandlerPanicsAtConstruction(t *testing.T) {
	for name, wrap := range map[string]func(http.Handler) http.Handler{
		"Normalize": middleware.Normalize,
		"Recover":   middleware.Recover,
		"RequestID": middleware.RequestID,
		"AccessLog": middleware.AccessLog,
		"Capture":   middleware.Capture(func(*http.Request, middleware.Result) {}),
	} {
		assert.PanicsWithValue(t, "middleware: "+name+": the handler is nil", func() { wrap(nil) })
	}
}
