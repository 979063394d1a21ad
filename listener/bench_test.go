package listener_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/rejoinder-go/rejoinder/listener"
)

// hiding embeds net.Conn, as such a listener usually does, and so hides the ReadFrom method of the
// connection.
type hiding struct{ net.Listener }

func (l hiding) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return struct{ net.Conn }{c}, err
}

var wrappers = []struct {
	name string
	wrap func(net.Listener) net.Listener
}{
	{"bare", untouched},
	{"normalized", listener.Normalize},
	{"hiding", func(l net.Listener) net.Listener { return hiding{l} }},
}

// BenchmarkKeepAlive measures a request on an open connection, which is one Write. Most of it are the
// two system calls on each side.
func BenchmarkKeepAlive(b *testing.B) {
	for _, w := range wrappers {
		b.Run(w.name, func(b *testing.B) {
			srv := start(b, w.wrap, ok, nil)
			c := must(net.Dial("tcp", srv.Listener.Addr().String()))
			defer c.Close()
			in := bufio.NewReader(c)
			request := []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			b.ReportAllocs()
			for b.Loop() {
				_, _ = c.Write(request)
				if _, err := readResponse(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// readResponse reads a short response without allocating.
func readResponse(in *bufio.Reader) (n int, err error) {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return n, err
		}
		n += len(line)
		if len(line) == 2 {
			return in.Discard(len("fine"))
		}
	}
}

// BenchmarkFile sends a file of 8 MiB. The first two have to be equal, since both use sendfile. The
// third copies through the process.
func BenchmarkFile(b *testing.B) {
	name := filepath.Join(b.TempDir(), "f")
	const size = 8 << 20
	if err := os.WriteFile(name, make([]byte, size), 0o600); err != nil {
		b.Fatal(err)
	}
	for _, w := range wrappers {
		b.Run(w.name, func(b *testing.B) {
			srv := start(b, w.wrap, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name) }, nil)
			client := srv.Client()
			b.SetBytes(size)
			for b.Loop() {
				res, err := client.Get(srv.URL)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
			}
		})
	}
}
