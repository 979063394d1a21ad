package ratelimit

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"github.com/felixge/httpsnoop"
)

// outcome is what becomes of an answer: its final status and, on the way,
// a RateLimit field that must not leave with a redirection. A client that
// follows one at once would come too early (section 6 of the draft).
type outcome struct {
	header    http.Header
	exhausted string // the value of RateLimit; empty if it may stay
	status    int    // 0 until it is known
}

// watch returns w with the same optional interfaces, observed.
func (o *outcome) watch(w http.ResponseWriter) http.ResponseWriter {
	return httpsnoop.Wrap(w, httpsnoop.Hooks{
		WriteHeader: func(next httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
			return func(code int) {
				o.settle(code)
				next(code)
			}
		},
		Write: func(next httpsnoop.WriteFunc) httpsnoop.WriteFunc {
			return func(p []byte) (int, error) {
				o.settle(http.StatusOK)
				return next(p)
			}
		},
		WriteString: func(next httpsnoop.WriteStringFunc) httpsnoop.WriteStringFunc {
			return func(s string) (int, error) {
				o.settle(http.StatusOK)
				return next(s)
			}
		},
		ReadFrom: func(next httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc {
			return func(src io.Reader) (int64, error) {
				o.settle(http.StatusOK)
				return next(src)
			}
		},
		Flush: func(next httpsnoop.FlushFunc) httpsnoop.FlushFunc {
			return func() {
				o.settle(http.StatusOK)
				next()
			}
		},
		FlushError: func(next httpsnoop.FlushErrorFunc) httpsnoop.FlushErrorFunc {
			return func() error {
				o.settle(http.StatusOK)
				return next()
			}
		},
		Hijack: func(next httpsnoop.HijackFunc) httpsnoop.HijackFunc {
			return func() (net.Conn, *bufio.ReadWriter, error) {
				conn, rw, err := next()
				if err == nil {
					o.settle(http.StatusSwitchingProtocols)
				}
				return conn, rw, err
			}
		},
	})
}

// settle notes the first final status. Those before it are interim, but for
// 101 (RFC 9110, section 15.2).
func (o *outcome) settle(code int) {
	if o.status != 0 || code >= 100 && code <= 199 && code != http.StatusSwitchingProtocols {
		return
	}
	if code < 100 || code > 999 {
		code = http.StatusInternalServerError // as which it leaves, or panics
	}
	o.status = code
	if o.exhausted != "" && code >= 300 && code <= 399 {
		dropField(o.header, stateField, o.exhausted)
	}
}

// final is the status when the handler has returned, or has not, since it
// panicked: then the client sees a 500, or a broken connection.
func (o *outcome) final(returned bool) int {
	switch {
	case o.status != 0:
		return o.status
	case returned:
		return http.StatusOK
	}
	return http.StatusInternalServerError
}
