//go:build !race

package rejoinder_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/stretchr/testify/assert"
)

// The whole chain with a record in the log. The race detector empties pools at
// random, so it has allocations of its own.
func TestChainAllocatesLittle(t *testing.T) {
	limit := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerSecond(1_000_000), Key: ratelimit.ByIP(clientip.Direct)})
	log := middleware.AccessLogOptions{Logger: slog.New(slog.NewJSONHandler(io.Discard, nil))}
	h := middleware.Chain(middleware.RequestID, middleware.AccessLogWith(log), middleware.Normalize, limit)(service())
	for _, row := range []struct {
		path string
		most float64
	}{
		// slog's JSON handler allocates for a duration that is a number, once or
		// twice, and a
		// record has to wait where nothing has been sent yet.
		{"/silent", 11},
		{"/documented", 12},
		{"/nowhere", 26}, // of which ServeMux and http.Error have a dozen
	} {
		r := httptest.NewRequest("GET", row.path, nil)
		r.RemoteAddr = "127.0.0.1:4711"
		w := &discard{header: http.Header{}}
		assert.LessOrEqual(t, testing.AllocsPerRun(200, func() {
			clear(w.header)
			h.ServeHTTP(w, r)
		}), row.most, row.path)
	}
}

// discard is a ResponseWriter with the interfaces of HTTP/1 that keeps nothing
// but the header.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header                 { return d.header }
func (d *discard) WriteHeader(int)                     {}
func (d *discard) Write(p []byte) (int, error)         { return len(p), nil }
func (d *discard) WriteString(s string) (int, error)   { return len(s), nil }
func (d *discard) ReadFrom(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) }
func (d *discard) Flush()                              {}
func (d *discard) FlushError() error                   { return nil }
func (d *discard) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, http.ErrNotSupported
}
func (d *discard) CloseNotify() <-chan bool { return nil }
