package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
)

// The report, and each work beside its contenders, describe what the figures bound.

func BenchmarkWriteStatus(b *testing.B)         { compare(b, writeStatus) }
func BenchmarkWriteStatusBehind(b *testing.B)   { compare(b, writeStatusBehind) }
func BenchmarkWriteDetail(b *testing.B)         { compare(b, writeDetail) }
func BenchmarkCapture(b *testing.B)             { compare(b, capture) }
func BenchmarkNormalizeSmall(b *testing.B)      { compare(b, normalizeSmall) }
func BenchmarkNormalizeLarge(b *testing.B)      { compare(b, normalizeLarge) }
func BenchmarkNormalizeError(b *testing.B)      { compare(b, normalizeError) }
func BenchmarkNormalizeText(b *testing.B)       { compare(b, normalizeText) }
func BenchmarkLimitOne(b *testing.B)            { compare(b, limitOne) }
func BenchmarkLimitOneParallel(b *testing.B)    { compare(b, limitOneParallel) }
func BenchmarkLimitSome(b *testing.B)           { compare(b, limitSome) }
func BenchmarkLimitSomeParallel(b *testing.B)   { compare(b, limitSomeParallel) }
func BenchmarkLimitIdle(b *testing.B)           { compare(b, limitIdle) }
func BenchmarkLimitMany(b *testing.B)           { compare(b, limitMany) }
func BenchmarkLimitManyParallel(b *testing.B)   { compare(b, limitManyParallel) }
func BenchmarkLimitDenied(b *testing.B)         { compare(b, limitDenied) }
func BenchmarkLimitHandlerAllowed(b *testing.B) { compare(b, limitHandlerAllowed) }
func BenchmarkLimitHandlerDenied(b *testing.B)  { compare(b, limitHandlerDenied) }
func BenchmarkJSONSmall(b *testing.B)           { compare(b, jsonSmall) }
func BenchmarkJSONList(b *testing.B)            { compare(b, jsonList) }
func BenchmarkReadMinimal(b *testing.B)         { compare(b, readMinimal) }
func BenchmarkReadExample(b *testing.B)         { compare(b, readExample) }
func BenchmarkDecodeSmall(b *testing.B)         { compare(b, decodeSmall) }
func BenchmarkDecodeList(b *testing.B)          { compare(b, decodeList) }
func BenchmarkChainSuccess(b *testing.B)        { compare(b, chainSuccess) }
func BenchmarkChainError(b *testing.B)          { compare(b, chainError) }
func BenchmarkLoopbackSuccess(b *testing.B)     { compare(b, loopbackSuccess) }
func BenchmarkLoopbackError(b *testing.B)       { compare(b, loopbackError) }

func compare(b *testing.B, w work) {
	if "Benchmark"+w.name != b.Name() {
		b.Fatalf("the work is named %s", w.name)
	}
	for _, c := range w.shuffled(uint64(time.Now().UnixNano())) {
		b.Run(c.name, c.bench())
	}
}

func TestEachWorkHasItsBaseAndOurs(t *testing.T) {
	for _, w := range works {
		names := map[string]bool{}
		for _, c := range w.all() {
			if names[c.name] {
				t.Errorf("%s: two contenders are named %s", w.name, c.name)
			}
			names[c.name] = true
		}
		if !names[w.base] || !names[ours] {
			t.Errorf("%s has %v, want %s and %s", w.name, names, w.base, ours)
		}
	}
}

func TestEachContenderRespondsCorrectly(t *testing.T) {
	for _, w := range works {
		if w.name == "LimitMany" || w.name == "LimitManyParallel" {
			continue // the same contenders as in LimitSome, with a million keys
		}
		for _, c := range w.all() {
			if _, err := c.prepare(); err != nil {
				t.Errorf("%s/%s: %v", w.name, c.name, err)
			}
		}
	}
}

func TestMemoryIsMeasuredForEachLimiter(t *testing.T) {
	small := flood{Keys: 10_000, Flood: 20_000, Window: time.Millisecond}
	for _, l := range libraries {
		for _, phase := range []string{"keep", "expire"} {
			if _, err := measureMemory(l, small, phase); err != nil {
				t.Errorf("%s: %v", l.name, err)
			}
		}
	}
}

func TestWrongResponsesAreRejected(t *testing.T) {
	right := unavailable(detail)
	send := func(contentType, body string, code int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		})
	}
	good := `{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"` + detail + `"}`
	rows := []struct {
		why         string
		contentType string
		body        string
		code        int
		wrong       string
	}{
		{"the right response", problem.MediaType, good, 503, ""},
		{"the media type of chi/render", "application/json", good, 503, "Content-Type"},
		{"the status was written too late", problem.MediaType, good, 200, "status 200"},
		{"a member is missing", problem.MediaType, `{"status":503}`, 503, "member"},
		{"not JSON", problem.MediaType, "Service Unavailable", 503, "body"},
	}
	for _, r := range rows {
		err := right.check(send(r.contentType, r.body, r.code), path, 1)
		if (err == nil) != (r.wrong == "") || err != nil && !strings.Contains(err.Error(), r.wrong) {
			t.Errorf("%s: %v, want an error about %q", r.why, err, r.wrong)
		}
	}
}

func TestEachServiceRespondsCorrectly(t *testing.T) {
	for _, s := range services {
		srv := httptest.NewServer(s.handler(io.Discard))
		c, err := dial(srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range requestKinds {
			for range 2 { // the second on the same connection
				if err := c.get(kind.path, kind.status); err != nil {
					t.Errorf("%s, %s: %v", s.name, kind.name, err)
				}
			}
		}
		_ = c.Close()
		srv.Close()
	}
}

func TestServicesHaveUniqueNames(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range services {
		if seen[s.name] {
			t.Errorf("two services are named %q", s.name)
		}
		seen[s.name] = true
	}
}

func TestMedianIsThatOfTheSortedValues(t *testing.T) {
	rows := []struct {
		values         []float64
		middle, spread float64
	}{
		{nil, 0, 0},
		{[]float64{3}, 3, 0},
		{[]float64{9, 1}, 5, 2},
		{[]float64{5, 1, 4, 2, 3}, 3, 1},
	}
	for _, r := range rows {
		middle, spread := median(r.values)
		if middle != r.middle || spread != r.spread {
			t.Errorf("median(%v) = %v, %v, want %v, %v", r.values, middle, spread, r.middle, r.spread)
		}
	}
}
