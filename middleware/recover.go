package middleware

import (
	"log/slog"
	"net/http"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// Recover sends a 500 problem if the handler panics before it has sent anything,
// and logs the panic with its stack. If the response has begun, it is cut short,
// so that the client does not mistake it for a complete one. A panic with
// http.ErrAbortHandler passes through.
//
// Inside an [AccessLog] the panic is part of its record. [Normalize] recovers
// panics as well; Recover is for a chain without it.
//
// Recover panics if next is nil.
func Recover(next http.Handler) http.Handler { return RecoverWith(RecoverOptions{})(next) }

// RecoverOptions are the settings of [RecoverWith]. The zero value gives the
// behavior of [Recover].
type RecoverOptions struct {
	// Responder writes the 500. Nil means the Responder in effect: that of a
	// Normalize outside, or the defaults of package respond.
	Responder *respond.Responder
	// Report is called for each panic, after the response. Nil writes a record to
	// Logger.
	Report func(*http.Request, Report)
	// Logger receives panics if Report is nil. Nil means slog.Default() at the
	// time of the record.
	Logger *slog.Logger
}

// RecoverWith is [Recover] with settings.
func RecoverWith(o RecoverOptions) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		mustHandler("Recover", next)
		return &recoverer{router{next}, o}
	}
}

type recoverer struct {
	router
	options RecoverOptions
}

func (c *recoverer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := visit{r: r}
	v.enter(w)
	v.name()
	defer c.end(&v)
	c.next.ServeHTTP(v.face, r)
	v.returned = true
}

func (c *recoverer) end(v *visit) {
	if v.returned {
		v.leave()
		return
	}
	v.panicked = recover()
	again := v.recovered(func(w http.ResponseWriter) {
		if c.options.Responder != nil {
			c.options.Responder.Problem(w, v.x.Current, problem.New(http.StatusInternalServerError))
			return
		}
		respond.Error(w, http.StatusInternalServerError)
	})
	v.leave()
	c.report(v)
	if again != nil {
		panic(again)
	}
}

func (c *recoverer) report(v *visit) {
	m := v.x.Peek()
	if m == nil || m.Panic == nil || m.Reported {
		return
	}
	m.Reported = true
	rep := Report{Status: v.w.Status(), HandlerStatus: v.x.HandlerStatus(), Panic: m.Panic, Stack: m.Stack}
	switch {
	case c.options.Report != nil:
		c.options.Report(v.r, rep)
	case !v.x.Logged:
		rep.log(c.options.Logger, v)
	}
}
