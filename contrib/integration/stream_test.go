package integration_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"io"
	"iter"
	"net/http"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/respond"
)

// An event arrives when it is sent, even through a compressor: the handler sends the
// next only when the client has received it.
func TestEventsArriveThroughCompressors(t *testing.T) {
	for _, c := range compressors {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			received := make(chan struct{})
			events := func(ctx context.Context) iter.Seq2[respond.Event, error] {
				return func(yield func(respond.Event, error) bool) {
					for range 3 {
						if !yield(respond.Event{Data: "hello"}, nil) {
							return
						}
						select {
						case <-received:
						case <-ctx.Done():
							return
						}
					}
				}
			}
			s := inside(t, func(chain middlewareFunc) http.Handler {
				return c.middleware(chain(middleware.Timeout(time.Minute)(respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
					return respond.Events(w, r, events(r.Context()))
				}))))
			})
			for _, proto := range protocols {
				r, err := http.NewRequest("GET", s.srv.URL, nil)
				require.NoError(t, err)
				r.Header.Set("Accept-Encoding", c.coding)
				res, err := s.client(proto).Do(r)
				require.NoError(t, err)
				lines := bufio.NewReader(stream(t, res))
				for range 3 {
					line, err := lines.ReadString('\n')
					require.NoError(t, err)
					assert.Equal(t, "data: hello\n", line)
					_, err = lines.ReadString('\n')
					require.NoError(t, err)
					received <- struct{}{}
				}
				rest, err := io.ReadAll(lines)
				require.NoError(t, err)
				assert.Empty(t, rest)
				require.NoError(t, res.Body.Close())
				var e exchange
				s.noted(&e)
				assert.Equal(t, 200, e.result.Status)
			}
		})
	}
}

// stream decodes the body of a response while it arrives.
func stream(t *testing.T, res *http.Response) io.Reader {
	switch res.Header.Get("Content-Encoding") {
	case "gzip":
		z, err := gzip.NewReader(res.Body)
		require.NoError(t, err)
		return z
	case "br":
		return brotli.NewReader(res.Body)
	case "zstd":
		z, err := zstd.NewReader(res.Body, zstd.WithDecoderConcurrency(1))
		require.NoError(t, err)
		t.Cleanup(z.Close)
		return z
	}
	return res.Body
}
