//go:build linux

package rejoinder_test

import (
	"fmt"
	"math"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/request"
	"github.com/rejoinder-go/rejoinder/respond"
)

// hostile has, for each parser that a request reaches, inputs of about a given
// size that once took or could take more than their share.
var hostile = map[string]func(size int) (run func()){
	"JSON, repeated in a long name": jsonBody(func(n int) string {
		return `{"` + strings.Repeat("x", n/2) + `":{` + strings.Repeat(`"a":1,`, n/12) + `"a":1}}`
	}),
	"JSON, many names": jsonBody(func(n int) string { return `{` + numbered(`"%d":1,`, n/8) + `"x":1}` }),
	"JSON, nested":     jsonBody(func(n int) string { return strings.Repeat(`{"a":[`, n/6) }),
	"JSON, numbers":    jsonBody(func(n int) string { return `{"any":` + strings.Repeat("1", n) + `}` }),
	"JSON, numbers of math/big": func(n int) func() {
		text := []byte(`{"Int":` + strings.Repeat("7", n) + `}`)
		return func() { _ = request.Decoder{}.Unmarshal(text, new(struct{ Int *big.Int })) }
	},
	"JSON, escapes":         jsonBody(func(n int) string { return `{"` + strings.Repeat(`\u0061`, n/6) + `":1}` }),
	"JSON, unknown members": jsonBody(func(n int) string { return `{` + numbered(`"%d" : 1 , `, n/12) + `"x":1}` }),
	"Content-Type": func(n int) func() {
		r := httptest.NewRequest("POST", "/", strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/json"+numbered(";p%d=v", n/8))
		return func() { _ = request.Decoder{}.Decode(r, new(any)) }
	},
	"Accept": header("Accept", func(n int) string { return numbered("a/b%d;q=0.5;p=1,", n/16) }, func(r *http.Request) {
		respond.Negotiate(r, "application/json", "text/html;p=1", "application/problem+json")
	}),
	"Accept, parameters": header("Accept", func(n int) string { return "text/html" + numbered(";p%d=1", n/8) }, func(r *http.Request) {
		respond.Negotiate(r, "text/html;p1=1;p2=2", "application/json")
	}),
	"Accept, quotes": header("Accept", func(n int) string { return strings.Repeat(`a/b;c="\"`, n/10) }, func(r *http.Request) {
		respond.Negotiate(r, "text/html", "application/json")
	}),
	"Accept-Language": header("Accept-Language", func(n int) string { return numbered("de-x%d;q=0.5,", n/12) }, func(r *http.Request) {
		respond.NegotiateLanguage(r, "en", "de", "fr")
	}),
	"If-None-Match": header("If-None-Match", func(n int) string { return numbered(`W/"%d",`, n/10) }, func(r *http.Request) {
		respond.Validators{Tag: "7"}.Evaluate(r)
	}),
	"If-Match": header("If-Match", func(n int) string { return strings.Repeat(`, `, n/2) }, func(r *http.Request) {
		respond.Validators{Tag: "7"}.Evaluate(r)
	}),
	"Forwarded": header("Forwarded", func(n int) string { return numbered(`for="[2001:db8::%d]";by=x,`, n/24) }, func(r *http.Request) {
		clientip.Forwarded(netip.MustParsePrefix("192.0.2.0/24"))(r)
	}),
	"Forwarded, quotes": header("Forwarded", func(n int) string { return strings.Repeat(`for="\"`, n/8) }, func(r *http.Request) {
		clientip.Forwarded(netip.MustParsePrefix("192.0.2.0/24"))(r)
	}),
	"Range": header("Range", func(n int) string { return "bytes=" + numbered("%d-%[1]d,", n/8) + "0-0" }, func(r *http.Request) {
		middleware.Normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader("content"))
		})).ServeHTTP(httptest.NewRecorder(), r)
	}),
	"problem in JSON": func(n int) func() {
		doc := []byte(`{` + numbered(`"%d":[{}],`, n/16) + `"title":"x"}`)
		return func() { _ = new(problem.Details).UnmarshalJSON(doc) }
	},
	"problem in XML": xmlResponse(func(n int) string { return numbered("<a%d><i><i>1</i></i></a%[1]d>", n/32) }),
	"problem in XML, lists in lists": xmlResponse(func(n int) string {
		return "<a>" + strings.Repeat("<i>", 60) + strings.Repeat("<i>1</i>", n/8) + strings.Repeat("</i>", 60) + "</a>"
	}),
	"problem in XML, foreign": xmlResponse(func(n int) string {
		return strings.Repeat(`<x:a xmlns:x="y">`, n/24) + strings.Repeat("</x:a>", n/24)
	}),
}

func jsonBody(body func(n int) string) func(int) func() {
	return func(n int) func() {
		text := []byte(body(n))
		return func() {
			_ = request.Decoder{}.Unmarshal(text, new(struct{ Any any }))
			_ = request.Decoder{AllowUnknown: true}.Unmarshal(text, new(struct{ Any any }))
		}
	}
}

func header(name string, value func(n int) string, parse func(*http.Request)) func(int) func() {
	return func(n int) func() {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set(name, value(n))
		return func() { parse(r) }
	}
}

func xmlResponse(inside func(n int) string) func(int) func() {
	return func(n int) func() {
		doc := `<problem xmlns="urn:ietf:rfc:7807"><title>x</title>` + inside(n) + `</problem>`
		return func() {
			w := httptest.NewRecorder()
			w.Header().Set("Content-Type", problem.MediaTypeXML)
			w.WriteHeader(500)
			_, _ = w.WriteString(doc)
			_ = problem.CheckResponse(w.Result())
		}
	}
}

// numbered repeats a format with the numbers below n.
func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// TestCostGrowsWithTheSizeOfARequest compares the processor time that this thread
// needs, so that a busy machine makes little difference: one input may take eight
// times as long as sixteen that are a sixteenth of it. What is quadratic takes
// sixteen times as long. A virtual machine that waits for its host counts that time
// too, so the least time of many rounds is what decides.
func TestCostGrowsWithTheSizeOfARequest(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // collecting is not part of the cost
	const small, factor = 12 << 10, 16
	for name, parse := range hostile {
		short, long := parse(small), parse(small*factor)
		apart, whole := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
		for round := 0; round < 5 || whole > 8*apart+time.Millisecond && round < 50; round++ {
			apart = min(apart, cost(func() {
				for range factor {
					short()
				}
			}))
			whole = min(whole, cost(long))
			runtime.GC()
		}
		assert.LessOrEqual(t, whole, 8*apart+time.Millisecond, "%s: %d times %d bytes take %s, all at once %s", name, factor, small, apart, whole)
	}
}

// cost returns the processor time that f takes.
func cost(f func()) time.Duration {
	begin := threadTime()
	f()
	return threadTime() - begin
}

// threadTime returns the processor time that this thread has used.
func threadTime() time.Duration {
	const threadClock = 3 // CLOCK_THREAD_CPUTIME_ID
	var ts syscall.Timespec
	_, _, _ = syscall.Syscall(syscall.SYS_CLOCK_GETTIME, threadClock, uintptr(unsafe.Pointer(&ts)), 0)
	return time.Duration(ts.Nano())
}
