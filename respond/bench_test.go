package respond_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// The loops bound what a call adds to the header and the body; the writer does
// nothing. A request over loopback costs about two hundred times as much.
func BenchmarkError(b *testing.B) {
	for _, c := range []struct {
		name string
		f    func(http.ResponseWriter)
	}{
		{"http.Error", func(w http.ResponseWriter) { http.Error(w, "Service Unavailable", http.StatusServiceUnavailable) }},
		{"code", func(w http.ResponseWriter) { respond.Error(w, 503) }},
		{"detail", func(w http.ResponseWriter) { respond.Error(w, 404, problem.Detail("no order 17")) }},
		{"NewDetail", func(w http.ResponseWriter) {
			respond.Problem(w, nil, problem.New(404, problem.Detail("no order 17")))
		}},
	} {
		b.Run(c.name, func(b *testing.B) { bench(b, c.f) })
	}
}

func BenchmarkJSON(b *testing.B) {
	type item struct {
		Name  string `json:"name"`
		Count int    `json:"count"`
	}
	v := &struct {
		ID    string `json:"id"`
		Items []item `json:"items"`
	}{"17", []item{{"a", 1}, {"b", 2}, {"c", 3}}}
	b.Run("json.Encoder", func(b *testing.B) {
		bench(b, func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(200)
			_ = json.NewEncoder(w).Encode(v)
		})
	})
	b.Run("JSON", func(b *testing.B) { bench(b, func(w http.ResponseWriter) { respond.JSON(w, 200, v) }) })
}

func bench(b *testing.B, f func(http.ResponseWriter)) {
	w := &discard{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		f(w)
	}
}
