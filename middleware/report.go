package middleware

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
)

// Report describes what a developer should know about one response inside
// [Normalize] and its client does not see. Every field is bounded in size.
type Report struct {
	// Status is the status code that was sent; 0 if none was.
	Status int
	// HandlerStatus is the status code that the handler set. It differs from
	// Status if it could not be sent, if the settings replaced it, and after a
	// panic.
	HandlerStatus int
	// Invalid is the call of WriteHeader whose code could not be sent.
	Invalid WriteHeaderCall
	// Superfluous are the calls of WriteHeader after the first, at most 8.
	Superfluous []WriteHeaderCall
	// Withheld is the text that the handler wrote and the client did not receive,
	// at most 1 KiB of it.
	Withheld string
	// Dropped is the number of bytes that the handler wrote after an error was
	// complete, with a code that could not be sent, or beyond MaxText.
	Dropped int64
	// Missing are the header fields that the status requires and no layer set.
	Missing []string
	// Misused describes why the status or the declared Content-Length is wrong.
	Misused string
	// Panic is the value that the handler panicked with, and Stack the stack of
	// the panic. http.ErrAbortHandler does not count as a panic.
	Panic any
	Stack []byte
}

// WriteHeaderCall is a call of WriteHeader.
type WriteHeaderCall struct {
	Code     int
	Function string // with its package path
	File     string // base name
	Line     int
}

// String returns the call as net/http's own log shows it.
func (c WriteHeaderCall) String() string { return exchange.Call(c).String() }

func callsOf(calls []exchange.Call) (all []WriteHeaderCall) {
	for _, c := range calls {
		all = append(all, WriteHeaderCall(c))
	}
	return all
}

func (p *policy) report(v *visit) {
	extra := v.x.PeekExtra()
	if extra == nil || extra.Reported { // by a handler further in
		return
	}
	rep := Report{
		Status: v.w.Status(), HandlerStatus: v.x.HandlerStatus(), Invalid: WriteHeaderCall(extra.Invalid), Superfluous: callsOf(extra.Superfluous),
		Withheld: extra.Withheld, Dropped: extra.Dropped, Missing: extra.Missing, Misused: extra.Misused, Panic: extra.Panic, Stack: extra.Stack,
	}
	if rep.isEmpty() {
		return
	}
	extra.Reported = true
	if p.options.Report != nil {
		p.options.Report(v.r, rep)
		return
	}
	if v.x.Logged {
		rep.leaveToAccessLog()
	}
	if rep.isEmpty() {
		return
	}
	if rep.isHabit() && !p.habits.isNew(habit{v.x.Pattern(v.r), rep.Status, rep.Misused + strings.Join(rep.Missing, ", ")}) {
		return
	}
	rep.log(p.options.Logger, v)
}

// leaveToAccessLog removes why the request failed, which the record of an access
// log has as well.
func (p *Report) leaveToAccessLog() {
	p.Panic, p.Stack = nil, nil
	if len(p.Superfluous) == 0 && p.Invalid.Function == "" {
		p.Withheld, p.Dropped = "", 0
	}
}

// isHabit reports whether p has nothing but what the same handler will do for the
// next request as well.
func (p *Report) isHabit() bool {
	return p.Invalid.Function == "" && len(p.Superfluous) == 0 && p.Withheld == "" && p.Dropped == 0 && p.Panic == nil
}

func (p *Report) isEmpty() bool {
	return p.isHabit() && len(p.Missing) == 0 && p.Misused == ""
}

// habit is logged only once, so that clients cannot fill the log by repeating a
// request.
type habit struct {
	route  string
	status int
	what   string
}

// habits remembers which habits were logged. After maxHabits of them no further
// one is logged.
type habits struct {
	mu     sync.Mutex
	logged map[habit]struct{}
}

const maxHabits = 256

func (hs *habits) isNew(h habit) bool {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if _, known := hs.logged[h]; known || len(hs.logged) >= maxHabits {
		return false
	}
	if hs.logged == nil {
		hs.logged = make(map[habit]struct{})
	}
	hs.logged[h] = struct{}{}
	return true
}

// log writes one record: an error for a panic or an invalid code, a warning for
// the rest.
func (p *Report) log(logger *slog.Logger, v *visit) {
	if logger == nil {
		logger = slog.Default()
	}
	level, msg := slog.LevelWarn, "middleware: response normalized"
	if p.Panic != nil {
		level, msg = slog.LevelError, "middleware: handler panicked"
	} else if p.Invalid.Function != "" {
		level = slog.LevelError
	}
	ctx := v.x.Current.Context()
	if !logger.Enabled(ctx, level) {
		return
	}
	attrs := requestAttrs(v.x.Current, v.method, v.path)
	attrs = append(attrs, slog.Int("status", p.Status))
	logger.LogAttrs(ctx, level, msg, p.appendAttrs(attrs)...)
}

// requestAttrs returns the attributes that identify the request of a record.
func requestAttrs(r *http.Request, method, path string) []slog.Attr {
	attrs := []slog.Attr{slog.String("method", exchange.Loggable(method, maxMethod)), slog.String("path", exchange.Loggable(path, maxPath))}
	if id := RequestIDFrom(r.Context()); id != "" {
		attrs = append(attrs, slog.String("request_id", exchange.Loggable(id, maxPath)))
	}
	return attrs
}

func (p *Report) appendAttrs(attrs []slog.Attr) []slog.Attr {
	if p.HandlerStatus != p.Status && p.HandlerStatus != 0 {
		attrs = append(attrs, slog.Int("handler_status", p.HandlerStatus))
	}
	if p.Invalid.Function != "" {
		attrs = append(attrs, slog.String("invalid", p.Invalid.String()))
	}
	for _, c := range p.Superfluous {
		attrs = append(attrs, slog.String("superfluous", fmt.Sprintf("%d by %s", c.Code, c)))
	}
	if p.Withheld != "" {
		attrs = append(attrs, slog.String("withheld", exchange.Loggable(p.Withheld, maxCause)))
	}
	if p.Dropped != 0 {
		attrs = append(attrs, slog.Int64("dropped", p.Dropped))
	}
	if len(p.Missing) > 0 {
		attrs = append(attrs, slog.String("missing", strings.Join(p.Missing, ", ")))
	}
	if p.Misused != "" {
		attrs = append(attrs, slog.String("misused", p.Misused))
	}
	if p.Panic != nil {
		attrs = append(attrs, slog.String("panic", panicText(p.Panic)), slog.String("stack", string(p.Stack)))
	}
	return attrs
}

// panicText returns the message of a panic value.
func panicText(value any) string { return exchange.Loggable(fmt.Sprint(value), maxCause) }

// How much of a method and of a path is logged, in bytes.
const (
	maxMethod = 32
	maxPath   = 256
)
