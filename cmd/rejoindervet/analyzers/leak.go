package analyzers

// Leak reports texts of errors that a client reads.
var Leak = check("leak",
	`report texts of errors, panics and stack traces that reach a client

The text of an unexpected error names hosts, files, queries and other people's data. The
check reports one that becomes part of a response with a status code of 5xx, directly or through
functions of the program. The flag client-errors adds 4xx.`, runLeak)

var leakClientErrors bool

func init() {
	Leak.Flags.BoolVar(&leakClientErrors, "client-errors", false, "also report texts of errors in responses with 4xx")
}

func runLeak(r *reporter) {
	r.eachEvent(func(u *unit, e *event) {
		for _, f := range e.flows {
			c := f.code
			if e.before.sent || !e.act.has(actStatus) && !c.known {
				c = e.before.code // that of an earlier call; the check twice reports a second one
			}
			if !c.is5xx() && !(leakClientErrors && c.known && c.param == nil && isError(c.value)) {
				continue
			}
			o := r.textOf(f.expr, f.form)
			if o.what == "" {
				continue
			}
			instead := "a sentence of your own"
			fix := r.respondWithCause(e, c, o)
			if r.importsRespond() {
				instead = "respond.Error with problem.Cause, or " + instead
			}
			r.found(f.expr, fix, "the client of this %d reads the text of %s: log it, and write %s instead", c.value, o.what, instead)
			return
		}
	})
}
