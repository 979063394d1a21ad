package wiretest

import (
	"bytes"
	"log/slog"
	"sync"
	"testing"
)

// Log is a buffer that a server may write to while its test reads. The zero value
// is ready to use.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String returns all that has been written.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Logger returns a logger that writes to l, one line for each record, without what
// differs in each run: the time and durations.
func (l *Log) Logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "duration" {
			return slog.Attr{}
		}
		return a
	}}))
}

// NewLogger returns a logger as [Log.Logger] does, and the Log that it writes to.
func NewLogger() (*slog.Logger, *Log) {
	l := new(Log)
	return l.Logger(), l
}

// DefaultLog returns what is written by slog's default logger until the test ends.
func DefaultLog(t testing.TB) *Log {
	t.Helper()
	logger, l := NewLogger()
	before := slog.Default()
	slog.SetDefault(logger)
	t.Cleanup(func() { slog.SetDefault(before) })
	return l
}
