package listener

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRecognizeAcceptsOnlyServerResponses(t *testing.T) {
	tests := []struct {
		name string
		p    string
		ok   bool
	}{
		{"nothing", "", false},
		{"a success", "HTTP/1.1 200 OK" + plainHeader + "200 OK", false},
		{"a header with more fields", "HTTP/1.1 400 Bad Request\r\nDate: x" + plainHeader + "400 Bad Request", true},
		{"no header fields", "HTTP/1.1 400 Bad Request\r\n\r\n", false},
		{"an invalid status code", "HTTP/1.1 4x0 Bad" + plainHeader, false},
		{"too long", "HTTP/1.1 400 Bad Request" + plainHeader + strings.Repeat("x", maxResponse), false},
		{"the response to HTTP on a TLS port", toTLSPort, true},
		{"half of that", toTLSPort[:30], false},
		{"another protocol", "IMAP/1.1 400 Bad Request" + plainHeader, false},
		{"417 with a body", "HTTP/1.1 417 Expectation Failed\r\nDate: x\r\n\r\nno", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, ok := recognize([]byte(tt.p))
			assert.Equal(t, tt.ok, ok)
		})
	}
}

func TestRecognizeDoesNotAllocate(t *testing.T) {
	for _, p := range []string{
		"HTTP/1.1 200 OK\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\nContent-Length: 4\r\n\r\nfine",
		"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\n\r\n",
	} {
		b := []byte(p)
		assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = recognize(b) }))
	}
}

func TestAnUnknownResponseHasADescription(t *testing.T) {
	// No version of net/http sends this text and code today.
	r, ok := recognize([]byte("HTTP/1.1 408 Request Timeout: slow" + plainHeader + "408 Request Timeout: slow"))
	assert.True(t, ok)
	d := r.problem()
	assert.Equal(t, 408, d.Status)
	assert.Equal(t, "Request Timeout", d.Title)
	assert.NotEmpty(t, d.Detail)
	assert.NotContains(t, d.Detail, "slow")
}

// The oracle of FuzzRecognize: a recognized response begins with a status line that has an error
// status.
func FuzzRecognize(f *testing.F) {
	for _, s := range []string{"", toTLSPort, "HTTP/1.1 400 Bad Request" + plainHeader + "x", "HTTP/1.1 417 \r\n\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		r, ok := recognize(p)
		if !ok {
			return
		}
		if r.code < 400 || r.code > 599 || !strings.HasPrefix(string(p), "HTTP/1.") || len(p) > maxResponse {
			t.Fatalf("recognize(%q) = %+v", p, r)
		}
	})
}

// BenchmarkRecognize measures the cost for each write of a connection: next to nothing for a success,
// a search in the header for an error. The adversary sends bytes that look like a response of the
// server, which requires a search of the stack.
func BenchmarkRecognize(b *testing.B) {
	const date = "Date: Mon, 02 Jan 2006 15:04:05 GMT\r\n"
	for _, bb := range []struct{ name, p string }{
		{"success", "HTTP/1.1 200 OK\r\n" + date + "Content-Length: 4\r\n\r\nfine"},
		{"error", "HTTP/1.1 404 Not Found\r\n" + date + "Content-Type: text/plain; charset=utf-8\r\n\r\n"},
		{"a body", strings.Repeat("x", 32<<10)},
		{"adversary", "HTTP/1.1 400 Bad Request" + plainHeader + "400 Bad Request"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			p := []byte(bb.p)
			b.ReportAllocs()
			for b.Loop() {
				if r, ok := recognize(p); ok && calledByServe() == r.writer {
					b.Fatal("a benchmark is not conn.serve")
				}
			}
		})
	}
}
