package model_test

import (
	"strings"
	"testing"
)

// regressions are programs that found a fault once, shrunk. Calls are written as
// a listing has them.
var regressions = []struct {
	name     string
	protocol protocol
	request  string
	layers   []string
	calls    []string
}{
	// Nothing was sent.
	{"an empty source before an error", http11, "GET", []string{"middleware.Capture"}, []string{copyNothing, "w.WriteHeader(404)"}},
	{"an empty source before an http.Error", http11, "GET", []string{"middleware.Normalize"}, []string{copyNothing, `http.Error(w, "canary of an error", 500)`}},
	{"an empty source before a panic", http11, "GET", []string{"middleware.Recover"}, []string{copyNothing, `panic("canary")`}},
	{"a source that fails at once", http11, "GET", []string{"respond.Handler"}, []string{`io.Copy(w, failing(0) of "canary of a text. ") // the error is returned`}},
	{"an error after all middlewares", http11, "GET", []string{"middleware.Capture"}, []string{late, "w.WriteHeader(404)"}},
	{"a field after all middlewares", http11, "GET", []string{"middleware.Timeout(time.Hour)"}, []string{late, `w.Header().Set("X-Own", "1")`}},
	{"a field after two Timeouts", http11, "GET", []string{"middleware.Timeout(time.Hour)", "middleware.Timeout(time.Hour)"}, []string{late, `w.Header().Set("X-Own", "1")`}},
	{"a flush behind Unwrap before an error", http11, "GET", []string{"a wrapper with Unwrap", "respond.Handler"}, []string{"rc.Flush()", `return errors.New("canary")`}},
	{"a hijack that is not supported", http2, "GET", []string{"middleware.Timeout(time.Hour)", "middleware.Normalize"}, []string{`http.Error(w, "canary of an error", 500)`, "rc.Hijack(), raw response, Close"}},

	// Frames and interfaces.
	{"a string through Timeout", http11, "GET", []string{"middleware.Timeout(time.Hour)"}, []string{`io.WriteString(w, body(2049, "canary of a text. "))`}},
	{"a copy through Timeout", http11, "GET", []string{"middleware.Timeout(time.Hour)"}, []string{`io.Copy(w, source(3000) of "canary of a text. ")`}},
	{"101 on HTTP/2 in Timeout", http2, "GET", []string{"middleware.Timeout(time.Hour)"}, []string{"w.WriteHeader(101)", `http.Error(w, "canary of an error", 500)`}},
	{"a second WriteHeader in Timeout", http11, "GET", []string{"middleware.Timeout(time.Hour)"}, []string{"w.WriteHeader(200)", "w.WriteHeader(200)"}},
	{"a second WriteHeader in respond.Handler", http11, "GET", []string{"respond.Handler"}, []string{"w.WriteHeader(200)", "w.WriteHeader(200)"}},
	{"a flush of a hijacked connection", http11, "GET", []string{"middleware.Capture"}, []string{"rc.Hijack(), raw response, Close", "w.(http.Flusher).Flush()"}},
	{"a body that is closed", http11, "POST with 307200 bytes", []string{"middleware.MaxBytes(1 << 30)"}, []string{"r.Body.Close()"}},
	{"an expected body that is not read", http11, "POST with 3000 bytes, Expect: 100-continue", []string{"middleware.MaxBytes(1 << 30)"}, nil},
	{"an upload through RequestID", http11, "POST with a multipart form", []string{"middleware.RequestID"}, []string{"r.ParseMultipartForm(100)"}},

	{"a body that no time was left to read, in full duplex", http11, "POST with a multipart form", []string{"middleware.Timeout(time.Hour)"}, []string{"rc.EnableFullDuplex()", "time.Sleep(2 * time.Hour)"}},

	// Texts of server errors.
	{"a text behind a flush", http11, "GET", []string{"middleware.Normalize"}, []string{"w.WriteHeader(500)", "w.(http.Flusher).Flush()", writeText}},
	{"a text that begins like JSON", http11, "GET", []string{"middleware.Normalize"}, []string{"w.WriteHeader(500)", `w.Write(body(5, "{canary}"))`}},
	{"a text over the bound", http11, "GET", []string{"middleware.Normalize"}, []string{"w.WriteHeader(500)", `w.Write(body(4097, "canary of a text. "))`}},
	{"a text over the bound, for HEAD", http11, "HEAD", []string{"middleware.Normalize"}, []string{"w.WriteHeader(500)", `w.Write(body(4097, "canary of a text. "))`}},
	{"a text of a later status", http11, "GET", []string{"middleware.Normalize", "middleware.Timeout(time.Hour)", "middleware.Capture"}, []string{"w.WriteHeader(404)", `http.Error(w, "canary of an error", 500)`}},
	{"a text of a later status in a wrapper", http11, "GET", []string{"middleware.Normalize", "a wrapper with Unwrap", "middleware.Capture"}, []string{"w.WriteHeader(404)", `http.Error(w, "canary of an error", 500)`}},

	{"a 503 behind an error that was held", http11, "GET", []string{"middleware.Normalize", "middleware.Timeout(time.Hour)"}, []string{"time.Sleep(50 * time.Minute)", `w.Header().Set("Content-Encoding", "gzip")`, "w.WriteHeader(404)", "time.Sleep(2 * time.Hour)"}},

	// Texts of client errors.
	{"a long text behind the text of the code", http11, "GET", []string{"middleware.Normalize"}, []string{"http.NotFound(w, r)", `w.Write(body(4097, "canary of a text. "))`}},
	{"a long text behind an empty line", http11, "GET", []string{"middleware.Normalize", "middleware.Timeout(time.Hour)", "middleware.Capture"}, []string{"w.WriteHeader(404)", `http.Error(w, "", 500)`, `w.Write(body(4097, "canary of a text. "))`}},
	{"a source beyond the length", http11, "GET", []string{"middleware.Normalize"}, []string{`w.Header().Set("Content-Length", "512")`, "w.WriteHeader(404)", `io.Copy(w, source(513) of "{canary}")`}},
	{"a source far beyond the length", http11, "GET", []string{"middleware.Normalize"}, []string{`w.Header().Set("Content-Length", "2048")`, "w.WriteHeader(404)", `io.Copy(w, source(3000) of "{canary}")`}},

	// A status that cannot be sent.
	{"an error behind it", http11, "GET", []string{"middleware.Normalize", "respond.Handler"}, []string{"w.WriteHeader(0)", "return problem.New(503)"}},
	{"an error behind it in Timeout", http11, "GET", []string{"middleware.Normalize", "middleware.Timeout(time.Hour)", "respond.Handler"}, []string{"w.WriteHeader(0)", "return problem.New(503)"}},
	{"an error outside of its Normalize", http11, "GET", []string{"respond.Handler", "middleware.Normalize"}, []string{"w.WriteHeader(1000)", "return problem.New(409)"}},

	// What fills a buffer.
	{"a body of a 205, and a pause", http11, "GET", []string{"middleware.Normalize"}, []string{"w.WriteHeader(205)", `w.Write(body(2049, "canary of a text. "))`, "time.Sleep(2 * time.Hour)"}},
	{"a client that leaves a response without a length", http11, "POST with 307200 bytes, chunked, Expect: 100-continue", []string{"middleware.Capture"}, []string{`w.Header().Set("Transfer-Encoding", "identity")`, `w.Write(body(4095, "canary of a text. "))`, "io.ReadAll(r.Body)"}},

	{"a client that leaves a long text", http11, "POST with 3000 bytes, Expect: 100-continue", []string{"middleware.Normalize"}, []string{"w.WriteHeader(404)", `io.WriteString(w, body(4097, "canary of a text. "))`, "io.ReadAll(r.Body)"}},
	{"a client that leaves net/http's response alone", http11, "POST with 3000 bytes, Expect: 100-continue", []string{"middleware.Normalize"}, []string{"w.WriteHeader(404)", `w.Write(body(4095, "canary of a text. "))`, "io.ReadAll(r.Body)", `w.Write(body(5, "canary of a text. "))`}},

	// The Results of Capture.
	{"Capture of a deadline behind a wrapper", http11, "GET", []string{"a wrapper that counts", "middleware.Capture"}, []string{"rc.SetReadDeadline(in 40 minutes)", "time.Sleep(2 * time.Hour)"}},
	{"Capture of a deadline behind a wrapper and Timeout", http11, "GET", []string{"a wrapper with Unwrap", "middleware.Capture", "middleware.Timeout(time.Hour)"}, []string{"rc.SetReadDeadline(in 40 minutes)", "time.Sleep(50 * time.Minute)"}},
	{"Capture of a write deadline that a later one replaces", http11, "GET", []string{"middleware.Capture"}, []string{"rc.SetWriteDeadline(in 40 minutes)", "time.Sleep(2 * time.Hour)", `w.Write(body(4095, "canary of a text. "))`, "rc.SetWriteDeadline(in 40 minutes)"}},
	{"Capture of an error behind a code that cannot be sent", http11, "GET", []string{"middleware.Normalize", "middleware.Capture", "respond.Handler"}, []string{"w.WriteHeader(600)", `return errors.New("canary")`}},
	{"Capture of a 101 on HTTP/2", http2, "GET", []string{"middleware.Normalize", "middleware.Timeout(time.Hour)", "middleware.Capture"}, []string{"w.WriteHeader(101)"}},
	{"Capture of a 101 on HTTP/2 in two Timeouts", http2, "GET", []string{"middleware.Normalize", "middleware.Timeout(time.Hour)", "middleware.Timeout(time.Hour)", "middleware.Capture"}, []string{"w.WriteHeader(101)"}},
	{"Capture in Timeout", http11, "GET", []string{"middleware.Timeout(time.Hour)", "middleware.Capture"}, nil},
	{"Capture in Timeout in Normalize", http11, "GET", []string{"middleware.Normalize", "middleware.Timeout(time.Hour)", "middleware.Capture"}, []string{"w.WriteHeader(404)"}},
	{"Capture around Timeout around Recover", http11, "GET", []string{"middleware.Capture", "middleware.Timeout(time.Hour)", "middleware.Recover"}, []string{`panic("canary")`}},
	{"Capture in Timeout in a foreign wrapper", http11, "GET", []string{"middleware.Normalize", "a wrapper with three methods", "middleware.Timeout(time.Hour)", "middleware.Capture"}, nil},
	{"Capture in respond.Handler", http11, "GET", []string{"respond.Handler", "middleware.Capture"}, []string{`return errors.New("canary")`}},
	{"Capture around a foreign wrapper", http11, "GET", []string{"middleware.Capture", "a wrapper with Unwrap", "middleware.Capture"}, []string{"w.WriteHeader(102)"}},
	{"Capture in two Timeouts, the inner of which ends first", http11, "GET", []string{"middleware.Timeout(time.Hour)", "middleware.Timeout(time.Hour)", "middleware.Capture"}, []string{"w.WriteHeader(200)", "time.Sleep(2 * time.Hour)"}},
	{"Capture of a time that is over", http11, "GET", []string{"middleware.Timeout(time.Hour)", "middleware.Capture"}, []string{"time.Sleep(2 * time.Hour)"}},
	{"Capture of a length that was wrong", http11, "GET", []string{"middleware.Capture"}, []string{`w.Header().Set("Content-Length", "5")`, `io.Copy(w, source(511) of "canary of a text. ")`, "w.WriteHeader(200)"}},
	{"Capture of a HEAD on HTTP/2", http2, "HEAD", []string{"middleware.Capture"}, []string{"w.(http.Flusher).Flush()"}},
	{"CountStatus in Normalize", http11, "GET", []string{"middleware.Normalize", "ratelimit.New with CountStatus"}, []string{"w.WriteHeader(600)"}},
	{"CountStatus of an empty source", http11, "GET", []string{"ratelimit.New with CountStatus"}, []string{copyNothing, "w.WriteHeader(404)"}},
}

const (
	copyNothing = `io.Copy(w, source(0) of "canary of a text. ")`
	writeText   = `w.Write(body(5, "canary of a text. "))`
	late        = "// The middlewares return. What follows comes late, but before net/http has its turn."
)

func TestRegressions(t *testing.T) {
	written := listings()
	for _, row := range regressions {
		t.Run(row.name, func(t *testing.T) {
			s := &scenario{protocol: row.protocol}
			for _, q := range requests {
				if q.String() == row.request {
					s.request = q
				}
			}
			for _, name := range row.layers {
				for _, l := range layers {
					if l.name == name {
						s.layers = append(s.layers, l)
					}
				}
			}
			for _, line := range row.calls {
				c, ok := written[line]
				if !ok {
					t.Fatalf("no call is written %s", line)
				}
				s.calls = append(s.calls, c)
			}
			if s.request.method == "" || len(s.layers) != len(row.layers) {
				t.Fatal("there is no such request or layer")
			}
			if want, got, faults := s.check(t); len(faults) > 0 {
				t.Error(describe(s, want, got, faults))
			}
		})
	}
}

// listings returns the calls by what they look like in a listing.
func listings() map[string]call {
	all := map[string]call{}
	for o := range ops {
		for a := range 64 {
			for b := range 16 {
				c := call{byte(o), byte(a), byte(b)}
				all[c.String()] = c
			}
			c := call{byte(o), byte(a), 0x80} // fills repeat after as many as there are
			for strings.HasSuffix(c.String(), "returned") && pick(fills, c.b) != fills[0] {
				c.b++
			}
			all[c.String()] = c
		}
	}
	return all
}
