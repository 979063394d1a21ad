package respond

import (
	"context"
	"errors"
	"log/slog"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// logFailure gives err to the access log around the handler, or otherwise logs d. It
// does nothing if err is nil, or if d has no cause and is not an error.
func (y reply) logFailure(message string, d *problem.Details, err error) {
	if err == nil || status.ClassOf(d.Status) < status.ClientError && d.Unwrap() == nil {
		return
	}
	if y.x != nil {
		y.x.Failed(err)
		if y.x.Logged {
			return
		}
	}
	ctx := context.Background()
	if y.r != nil {
		ctx = y.r.Context()
	}
	y.p.logger().LogAttrs(ctx, y.level(ctx, d), message, y.attrs(d)...)
}

// level returns the level of the record. That a client left before it got its
// response is not a failure of the server.
func (y reply) level(ctx context.Context, d *problem.Details) slog.Level {
	switch {
	case status.ClassOf(d.Status) != status.ServerError:
		return slog.LevelInfo
	case ctx.Err() == context.Canceled && (errors.Is(d, ctx.Err()) || errors.Is(d, context.Cause(ctx))):
		return slog.LevelInfo
	}
	return slog.LevelError
}

// attrs returns the attributes of the record. The id of the request leads to its
// other records.
func (y reply) attrs(d *problem.Details) []slog.Attr {
	attrs := make([]slog.Attr, 1, 5)
	attrs[0] = slog.Any("problem", d)
	if y.r != nil {
		original := y.r
		if y.x != nil {
			original = y.x.Request // as the outermost layer got it
		}
		attrs = append(attrs, slog.String("method", exchange.Loggable(original.Method, 32)))
		if original.URL != nil && original.URL.Path != "" {
			attrs = append(attrs, slog.String("path", exchange.Loggable(original.URL.Path, maxLogged)))
		}
		if y.r.Pattern != "" {
			attrs = append(attrs, slog.String("route", exchange.Loggable(y.r.Pattern, maxLogged)))
		}
	}
	if id := y.w.Header()["X-Request-Id"]; len(id) > 0 {
		attrs = append(attrs, slog.String("request_id", exchange.Loggable(id[0], maxLogged)))
	}
	return attrs
}

// How many bytes are logged of a value that a client chose, and of an error message.
const (
	maxLogged = 256
	maxCause  = 1 << 10
)
