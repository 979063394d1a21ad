package analyzers

// Leak reports messages of errors that are sent to clients.
var Leak = check("leak",
	`report messages of errors, panics and stack traces that are sent to clients

The message of an unexpected error contains hosts, files, queries and data of other users.
The check reports one that becomes part of a 5xx response, directly or through functions of
the program. The flag client-errors adds 4xx responses.`, runLeak)

var leakClientErrors bool

func init() {
	Leak.Flags.BoolVar(&leakClientErrors, "client-errors", false, "also report messages of errors in 4xx responses")
}

func runLeak(r *reporter) {
	r.eachEvent(func(u *unit, e *event) {
		for _, f := range e.flows {
			c := f.code
			if e.before.sent || !e.act.has(actStatus) && !c.known {
				c = e.before.code // the code of an earlier call; the check twice reports a second code
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
