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
		return &recoverHandler{router{next}, o}
	}
}

type recoverHandler struct {
	router
	options RecoverOptions
}

func (h *recoverHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := visit{r: r}
	v.enter(w)
	v.name()
	defer h.end(&v)
	h.next.ServeHTTP(v.face, r)
	v.finish()
}

func (h *recoverHandler) end(v *visit) {
	if v.returned {
		v.leave()
		return
	}
	v.panicked = recover()
	again := v.recovered(func(w http.ResponseWriter) {
		if h.options.Responder != nil {
			h.options.Responder.Problem(w, v.x.Current, problem.New(http.StatusInternalServerError))
			return
		}
		respond.Error(w, http.StatusInternalServerError)
	})
	v.leave()
	h.report(v)
	if again != nil {
		panic(again)
	}
}

func (h *recoverHandler) report(v *visit) {
	extra := v.x.PeekExtra()
	if extra == nil || extra.Panic == nil || extra.Reported {
		return
	}
	extra.Reported = true
	rep := Report{Status: v.w.Status(), HandlerStatus: v.x.HandlerStatus(), Panic: extra.Panic, Stack: extra.Stack}
	switch {
	case h.options.Report != nil:
		h.options.Report(v.r, rep)
	case !v.x.Logged:
		rep.log(h.options.Logger, v)
	}
}
