package middleware

import (
	"log/slog"
	"net/http"
)

// AccessLog writes one slog record for each request, after the answer: method,
// path, request_id, route, status, bytes, duration, and what was unusual. It
// logs neither query nor address, which may be personal. Server errors and
// panics have level Error, the others Info.
//
// Put it outside [Normalize], so that it tells what was sent.
func AccessLog(next http.Handler) http.Handler { return AccessLogger{}.Wrap(next) }

// AccessLogger is [AccessLog] with settings. The zero value is AccessLog
// itself. Functions in it are called by many goroutines at once.
type AccessLogger struct {
	// Logger gets the records. Nil means slog.Default(), at the time of the
	// record.
	Logger *slog.Logger
	// Level chooses the level. Nil means Error for a server error or a panic,
	// and Info otherwise.
	Level func(*http.Request, Result) slog.Level
	// Skip, if it returns true, leaves a request out.
	Skip func(*http.Request, Result) bool
	// Attrs adds attributes. What it takes from the request it has to bound.
	Attrs func(*http.Request, Result) []slog.Attr
}

// Wrap returns a handler that logs the requests to next.
//
// Panics if next is nil.
func (c AccessLogger) Wrap(next http.Handler) http.Handler {
	mustHandler("AccessLog", next)
	return &capture{next, c.record}
}

func (c AccessLogger) record(r *http.Request, res Result) {
	if c.Skip != nil && c.Skip(r, res) {
		return
	}
	logger := c.Logger
	if logger == nil {
		logger = slog.Default()
	}
	level := slog.LevelInfo
	switch {
	case c.Level != nil:
		level = c.Level(r, res)
	case res.Status >= 500 || res.Panic != nil:
		level = slog.LevelError
	}
	ctx := r.Context()
	if !logger.Enabled(ctx, level) {
		return
	}
	var room [16]slog.Attr
	attrs := appendRequest(ctx, room[:0], r)
	if r.Pattern != "" {
		attrs = append(attrs, slog.String("route", r.Pattern))
	}
	attrs = append(attrs, slog.Int("status", res.Status), slog.Int64("bytes", res.Bytes), slog.Duration("duration", res.Duration))
	for _, flag := range [...]struct {
		name string
		on   bool
	}{{"hijacked", res.Hijacked}, {"aborted", res.Aborted}, {"client_gone", res.ClientGone}, {"panicked", res.Panic != nil}} {
		if flag.on {
			attrs = append(attrs, slog.Bool(flag.name, true))
		}
	}
	if res.WriteErr != nil {
		attrs = append(attrs, slog.String("write_error", res.WriteErr.Error()))
	}
	if c.Attrs != nil {
		attrs = append(attrs, c.Attrs(r, res)...)
	}
	logger.LogAttrs(ctx, level, "request", attrs...)
}
