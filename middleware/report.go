package middleware

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
)

// Report tells a developer what happened to one response inside [Normalize] that
// its client does not see. All of it is bounded in size.
type Report struct {
	// Status is the code that was sent; 0 if there was none.
	Status int
	// HandlerStatus is the code that the handler set. It differs from Status if
	// it could not be sent, or the settings replaced it, or after a panic.
	HandlerStatus int
	// Invalid is the call of WriteHeader whose code could not be sent.
	Invalid Call
	// Superfluous are calls of WriteHeader after the first, at most eight.
	Superfluous []Call
	// Withheld is text that the handler wrote and the client did not get, at
	// most 1 KiB of it.
	Withheld string
	// Dropped is how many bytes came after an error was complete, or beside a
	// code that could not be sent, or beyond the longest text of an error.
	Dropped int64
	// Missing are header fields that the status requires and no layer supplied.
	Missing []string
	// Misused says why the status, or the length that the handler declared,
	// is out of place.
	Misused string
	// Panic is the value that the handler panicked with, and Stack where.
	// http.ErrAbortHandler is not a panic in this sense.
	Panic any
	Stack []byte
}

// Call is a call of WriteHeader.
type Call struct {
	Code     int
	Function string // with its package path
	File     string // base name
	Line     int
}

// String returns the call as net/http's own log shows it.
func (c Call) String() string { return exchange.Call(c).String() }

func callsOf(calls []exchange.Call) (all []Call) {
	for _, c := range calls {
		all = append(all, Call(c))
	}
	return all
}

func (p *policy) report(v *visit) {
	m := v.x.Peek()
	if m == nil || m.Reported { // by a handler further in
		return
	}
	rep := Report{
		Status: v.w.Status(), HandlerStatus: v.x.HandlerStatus(), Invalid: Call(m.Invalid), Superfluous: callsOf(m.Superfluous),
		Withheld: m.Withheld, Dropped: m.Dropped, Missing: m.Missing, Misused: m.Misused, Panic: m.Panic, Stack: m.Stack,
	}
	if rep.isEmpty() {
		return
	}
	m.Reported = true
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

// leaveToAccessLog removes what the record of an access log has as well: why the
// request failed.
func (p *Report) leaveToAccessLog() {
	p.Panic, p.Stack = nil, nil
	if len(p.Superfluous) == 0 && p.Invalid.Function == "" {
		p.Withheld, p.Dropped = "", 0
	}
}

// isHabit reports whether a report tells only what the same handler will do
// the next time, too.
func (p *Report) isHabit() bool {
	return p.Invalid.Function == "" && len(p.Superfluous) == 0 && p.Withheld == "" && p.Dropped == 0 && p.Panic == nil
}

func (p *Report) isEmpty() bool {
	return p.isHabit() && len(p.Missing) == 0 && p.Misused == ""
}

// habit is what is logged once, so that clients cannot fill the log by asking
// for it again.
type habit struct {
	route  string
	status int
	what   string
}

// habits remembers which were logged. Beyond maxHabits none is.
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

// log writes one record: an error for what is a mistake of the server's, a
// warning for what it could do better.
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

// requestAttrs returns the attributes by which a record is found again.
func requestAttrs(r *http.Request, method, path string) []slog.Attr {
	attrs := []slog.Attr{slog.String("method", cut(method, maxMethod)), slog.String("path", cut(path, maxPath))}
	if id := RequestIDFrom(r.Context()); id != "" {
		attrs = append(attrs, slog.String("request_id", id))
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
		attrs = append(attrs, slog.String("withheld", p.Withheld))
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

// panicText returns what a panic says, bounded.
func panicText(value any) string { return exchange.Bounded(fmt.Append(nil, value)) }

// How much of a method and of a path is logged, in bytes.
const (
	maxMethod = 32
	maxPath   = 256
)

// cut bounds what a client chose, and says so where it had to.
func cut(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit] + "…"
	}
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
