package middleware

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
)

// Report tells a developer what happened to one answer inside [Normalize] that
// its client does not see. All of it is bounded in size.
type Report struct {
	// Status is the code that was sent; 0 if there was none.
	Status int
	// Asked is the code that the handler wanted. It differs from Status if it
	// could not be sent, or the settings replaced it, or after a panic.
	Asked int
	// Invalid is the call of WriteHeader whose code could not be sent.
	Invalid Call
	// Superfluous are calls of WriteHeader after the first, at most eight.
	Superfluous []Call
	// Withheld is text that the handler wrote and the client did not get, at
	// most 1 KiB of it.
	Withheld string
	// Dropped is how many bytes came after an error was complete, or beside a
	// code that could not be sent.
	Dropped int64
	// Missing are header fields that the status requires and nobody supplied.
	Missing []string
	// Misused says why the status, or the length that the handler declared,
	// is out of place.
	Misused string
	// Panic is the value that the handler panicked with, and Stack where.
	// http.ErrAbortHandler is no panic in this sense.
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
func (c Call) String() string { return fmt.Sprintf("%s (%s:%d)", c.Function, c.File, c.Line) }

const (
	maxCalls    = 8
	maxWithheld = 1 << 10
	maxStack    = 16 << 10
	maxPath     = 256
)

// callerOf finds the handler that called WriteHeader, past this toolkit and
// net/http.
func callerOf(code int) Call {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		if !isOurs(f.Function) || !more {
			return Call{Code: code, Function: f.Function, File: path.Base(f.File), Line: f.Line}
		}
	}
}

func isOurs(function string) bool {
	for _, prefix := range [...]string{
		"net/http.",
		"github.com/rejoinder-go/rejoinder/middleware.(*",
		"github.com/rejoinder-go/rejoinder/respond.",
		"github.com/felixge/httpsnoop.",
	} {
		if strings.HasPrefix(function, prefix) {
			return true
		}
	}
	return false
}

// stack returns the stack of a panic in progress, without the part above it.
func stack() []byte {
	s := debug.Stack()
	if i := bytes.Index(s, []byte("\npanic(")); i >= 0 {
		s = s[i+1:]
	}
	return s[:min(len(s), maxStack)]
}

// bounded returns the beginning of a text, for a log.
func bounded(text []byte) string {
	text = bytes.TrimSpace(text)
	return strings.ToValidUTF8(string(text[:min(len(text), maxWithheld)]), "\uFFFD")
}

func (n *normalizer) report(w *writer, r *http.Request) {
	m := w.rare
	if m == nil || m.told { // by a handler further in
		return
	}
	rep := Report{
		Status: int(w.status), Asked: w.asked, Invalid: m.invalid, Superfluous: m.superfluous,
		Withheld: m.withheld, Dropped: m.dropped, Missing: m.missing, Misused: m.misused, Panic: m.panicked, Stack: m.stack,
	}
	if rep.isEmpty() {
		return
	}
	m.told = true
	if n.Report != nil {
		n.Report(r, rep)
		return
	}
	if rep.isHabit() && !n.habits.isNew(habit{r.Pattern, rep.Status, rep.Misused + strings.Join(rep.Missing, ", ")}) {
		return
	}
	rep.log(n.Logger, r)
}

// isHabit reports whether a report tells only what the same handler will do
// the next time, too.
func (p *Report) isHabit() bool {
	return p.Invalid.Function == "" && len(p.Superfluous) == 0 && p.Withheld == "" && p.Dropped == 0 && p.Panic == nil
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

func (p *Report) isEmpty() bool {
	return p.isHabit() && len(p.Missing) == 0 && p.Misused == ""
}

// log writes one record: an error for what is a mistake of the server's, a
// warning for what it could do better.
func (p *Report) log(logger *slog.Logger, r *http.Request) {
	if logger == nil {
		logger = slog.Default()
	}
	level, msg := slog.LevelWarn, "middleware: answer was put in order"
	if p.Panic != nil {
		level, msg = slog.LevelError, "middleware: handler panicked"
	} else if p.Invalid.Function != "" {
		level = slog.LevelError
	}
	ctx := r.Context()
	if !logger.Enabled(ctx, level) {
		return
	}
	attrs := append(appendRequest(ctx, nil, r), slog.Int("status", p.Status))
	if p.Asked != p.Status && p.Asked != 0 {
		attrs = append(attrs, slog.Int("asked", p.Asked))
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
		attrs = append(attrs, slog.String("panic", bounded(fmt.Append(nil, p.Panic))), slog.String("stack", string(p.Stack)))
	}
	logger.LogAttrs(ctx, level, msg, attrs...)
}

// appendRequest appends the attributes by which a record is found again. The
// caller has the room for them, so that it need not be on the heap.
func appendRequest(ctx context.Context, attrs []slog.Attr, r *http.Request) []slog.Attr {
	attrs = append(attrs, slog.String("method", cut(r.Method, 32)), slog.String("path", cut(r.URL.Path, maxPath)))
	if id := RequestIDFrom(ctx); id != "" {
		attrs = append(attrs, slog.String("request_id", id))
	}
	return attrs
}

// cut bounds what a client chose, and says so where it had to.
func cut(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
