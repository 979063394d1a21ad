package listener

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOnlyTheFormsOfTheServerAreRecognised(t *testing.T) {
	tests := []struct {
		name string
		p    string
		ok   bool
	}{
		{"nothing", "", false},
		{"a success", "HTTP/1.1 200 OK" + plainHeader + "200 OK", false},
		{"a header that says more", "HTTP/1.1 400 Bad Request\r\nDate: x" + plainHeader + "400 Bad Request", true},
		{"no header at all", "HTTP/1.1 400 Bad Request\r\n\r\n", false},
		{"a number that is none", "HTTP/1.1 4x0 Bad" + plainHeader, false},
		{"too long", "HTTP/1.1 400 Bad Request" + plainHeader + strings.Repeat("x", maxAnswer), false},
		{"the answer to HTTP", toTLSPort, true},
		{"half of that", toTLSPort[:30], false},
		{"another protocol", "IMAP/1.1 400 Bad Request" + plainHeader, false},
		{"417 with content", "HTTP/1.1 417 Expectation Failed\r\nDate: x\r\n\r\nno", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, ok := recognise([]byte(tt.p))
			assert.Equal(t, tt.ok, ok)
		})
	}
}

func TestRecognitionAllocatesNothingForTheAnswersOfHandlers(t *testing.T) {
	for _, p := range []string{
		"HTTP/1.1 200 OK\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\nContent-Length: 4\r\n\r\nfine",
		"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\n\r\n",
	} {
		b := []byte(p)
		assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = recognise(b) }))
	}
}

func TestAnAnswerOfAnotherVersionOfTheServerHasADescription(t *testing.T) {
	// A text and a code that no version has today.
	a, ok := recognise([]byte("HTTP/1.1 408 Request Timeout: slow" + plainHeader + "408 Request Timeout: slow"))
	assert.True(t, ok)
	d := a.problem()
	assert.Equal(t, 408, d.Status)
	assert.Equal(t, "Request Timeout", d.Title)
	assert.NotEmpty(t, d.Detail)
	assert.NotContains(t, d.Detail, "slow")
}

// The oracle of FuzzRecognise: what is recognised has an error status that a
// problem can be made of, and begins like an answer.
func FuzzRecognise(f *testing.F) {
	for _, s := range []string{"", toTLSPort, "HTTP/1.1 400 Bad Request" + plainHeader + "x", "HTTP/1.1 417 \r\n\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		a, ok := recognise(p)
		if !ok {
			return
		}
		if a.code < 400 || a.code > 599 || !strings.HasPrefix(string(p), "HTTP/1.") || len(p) > maxAnswer {
			t.Fatalf("recognise(%q) = %+v", p, a)
		}
	})
}

// What each write of a connection pays beside its system call: next to nothing
// for a success, a search in its header for an error. The adversary sends
// content that looks like an answer of the server, so that the stack is asked.
func BenchmarkRecognise(b *testing.B) {
	const date = "Date: Mon, 02 Jan 2006 15:04:05 GMT\r\n"
	for _, bb := range []struct{ name, p string }{
		{"success", "HTTP/1.1 200 OK\r\n" + date + "Content-Length: 4\r\n\r\nfine"},
		{"error", "HTTP/1.1 404 Not Found\r\n" + date + "Content-Type: text/plain; charset=utf-8\r\n\r\n"},
		{"content", strings.Repeat("x", 32<<10)},
		{"adversary", "HTTP/1.1 400 Bad Request" + plainHeader + "400 Bad Request"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			p := []byte(bb.p)
			b.ReportAllocs()
			for b.Loop() {
				if a, ok := recognise(p); ok && calledByServe() == a.writer {
					b.Fatal("this is no server")
				}
			}
		})
	}
}
