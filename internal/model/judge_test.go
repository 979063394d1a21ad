package model_test

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/rejoinder-go/rejoinder/problem"
)

// A fault is a difference between what is right and what was seen.
type fault struct{ kind, text string }

// A judge compares a run through our layers with the yardstick's.
type judge struct {
	*scenario
	want, got *run
	faults    []fault
}

func (j *judge) fault(kind, format string, args ...any) {
	j.faults = append(j.faults, fault{kind, fmt.Sprintf(format, args...)})
}

// faults returns what is wrong with got, if anything.
func judged(s *scenario, want, got *run) []fault {
	j := &judge{scenario: s, want: want, got: got}
	j.wire()
	j.secondResponse()
	j.secrets()
	j.leftovers()
	j.log()
	j.results()
	j.counts()
	return j.faults
}

// refused reports whether a small MaxBytes refuses the request at once.
func (j *judge) refused() bool {
	content, _ := j.request.body()
	return j.has(refusing) && !j.request.chunked && len(content) > smallLimit
}

// lateCalls reports whether the program went on after the middlewares.
func (j *judge) lateCalls() bool { return len(j.want.machine.late) > 0 || len(j.got.machine.late) > 0 }

// wire compares the first responses.
func (j *judge) wire() {
	m := &j.got.machine
	// A late call that reads, and the end of a panic, wait for the body of a client
	// that has all of a problem: a page is longer than what net/http holds back.
	// So does a cut of Timeout that a wrapper keeps from the connection's deadlines,
	// and a response that is too short, which net/http alone does not send after a 101.
	waits := j.request.expect && (j.timesOut() && j.has(hiding) || j.want.first.status == http.StatusSwitchingProtocols)
	if j.got.stalls() && !j.want.stalls() && !j.lateCalls() && !j.makes(opRespond) && !waits {
		j.fault("stall", "the response is not whole, and the connection is open")
	}
	switch {
	case j.refused():
		j.mustBeProblem("a body that is declared too long", http.StatusRequestEntityTooLarge)
	case j.got.served != 1:
		j.fault("wire", "the handler ran %d times", j.got.served)
	case m.silenced || j.want.machine.silenced:
		// The deadline for writes has passed.
	case j.protocol == http2 && (j.want.left || j.got.left || j.want.machine.starved || m.starved):
		// When a client stops sending, and a server notices, is a matter of
		// chance.
	case (j.want.sent != j.got.sent || j.want.left || j.got.left) && j.has(adding):
		// More header fields fill net/http's buffer earlier: a client that waits
		// with its body sees a response, and more of it.
	case j.timesOut():
		j.timedOut()
	case m.after && m.began:
		// A goroutine that was left is refused, so that nothing has changed, but
		// what it set in the header of the server, which may be a trailer.
		if !j.has(normalizes) && m.problem == 0 && !j.changesHeader(m.late) {
			j.mustBeSame()
		}
	case m.after:
	case j.lateCalls() && m.began:
		// The bytes that come late are net/http's to send and ours to refuse:
		// neither is wrong, as long as the connection stays in order.
	case m.problem != 0 && (m.ended != returned || m.hijacked || m.threw() || j.got.left || len(m.text) > m.problemEnd):
		// It was cut, or more came than it has announced.
	case m.problem != 0:
		j.mustBeProblem("a problem of respond", m.problem)
	case j.lateCalls() && j.has(normalizes):
		if len(differences(&j.want.first, &j.got.first)) > 0 {
			j.mustBeSameNormalized()
		}
	case j.lateCalls():
		j.mustBeSame()
	case m.hijacked && j.has(normalizes):
		// The error that was held before has no right form any more.
		if !j.isError(m.code) {
			j.mustBeSameNormalized()
		}
	case m.err != nil && j.has(handlesErrors) && !m.committed && m.isInvalid() && j.last(normalizes) > j.last(handlesErrors):
		j.mustBeProblem("a code that cannot be sent, inside of respond.Handler", http.StatusInternalServerError)
	case m.err != nil && j.has(handlesErrors) && j.has(normalizes) && m.isInvalid() && !m.corrected && len(m.text) == 0 && j.got.first.status != http.StatusInternalServerError:
		j.mustBeProblem("an error behind a code that cannot be sent", problem.From(m.err).Status)
	case m.err != nil && j.has(handlesErrors) && !m.committed:
		j.mustBeProblem("an error that was returned", problem.From(m.err).Status)
	case j.has(normalizes):
		j.normalized()
	case j.has(recovers) && (m.ended == panicked || m.threw()) && !m.committed && !m.hijacked:
		j.mustBeProblem("a panic before the response", http.StatusInternalServerError)
	default:
		j.mustBeSame()
	}
}

// changesHeader reports whether one of the calls may set a header field.
func (j *judge) changesHeader(calls []call) bool {
	return slices.ContainsFunc(calls, func(c call) bool {
		switch c.kind() {
		case opWrite, opWriteString, opCopy, opWriteHeader, opFlush:
			return false
		}
		return true
	})
}

// timesOut reports whether a Timeout ends the program.
func (j *judge) timesOut() bool { return j.got.machine.overdue && j.has(timed) }

// last returns the place of the innermost layer of a kind, or -1.
func (s *scenario) last(k kind) int {
	at := len(s.layers) - 1
	for at >= 0 && s.layers[at].kind&k == 0 {
		at--
	}
	return at
}

// refuses101 reports whether Normalize makes an error of a 101 on HTTP/2. One that
// a wrapper hides from a layer further in does not learn of it.
func (s *scenario) refuses101() bool {
	hidden := false
	for _, l := range s.layers[s.last(normalizes)+1:] {
		if hidden && l.kind&(guarding|handlesErrors|counting) != 0 {
			return false
		}
		hidden = hidden || l.kind&hiding != 0
	}
	return s.has(normalizes)
}

// stalls reports whether a client would wait for the rest of a response that does
// not come, where a client of net/http alone would not.
func (r *run) stalls() bool { return r.open && !r.left && !r.first.whole() }

// timedOut is the oracle for a program that outlasts a Timeout.
func (j *judge) timedOut() {
	m, got := &j.got.machine, &j.got.first
	switch {
	case m.hijacked:
	case (got.status == http.StatusServiceUnavailable || got.status == http.StatusRequestTimeout) && m.open:
		j.mustBeProblem("a response that did not begin in time", got.status)
	case m.open:
		j.fault("timeout", "no 503, but %d %s", got.status, got.err)
	case got.status != 0 && got.status == m.problem: // a page fills the buffer that holds the JSON of the yardstick
	case j.want.first.status == 0 && (got.status == m.code || m.code == none || m.code == anyCode) && got.whole(): // it was whole at the deadline, and the panic came later
	case got.status != 0 && got.status != j.want.first.status && !j.has(normalizes|recovers|handlesErrors):
		j.fault("timeout", "the status is %d, not %d", got.status, j.want.first.status)
	case got.whole() && !j.has(normalizes) && len(got.body) < len(j.want.first.body) && got.isDelimited() && j.request.method != "HEAD":
		j.fault("timeout", "a response looks whole, and is not")
	}
}

// secondResponse looks at what came behind the first response.
func (j *judge) secondResponse() {
	want, got := j.want.second, j.got.second
	switch {
	case j.outOfStep(), j.got.machine.hijacked:
	case got != nil && !isSecond(got):
		j.fault("second", "the second response is %.300q", got.raw)
	case j.got.rest != "":
		j.fault("second", "behind the responses comes %.300q", j.got.rest)
	case got == nil && want != nil && j.want.first.status == j.got.first.status && j.got.first.status < 400 && !j.lateCalls() && !j.timesOut() && !j.has(refusing):
		// A MaxBytes of ours finds net/http's writer behind an Unwrap, and has
		// the connection closed.
		j.fault("second", "the connection is closed before the second response")
	}
}

// outOfStep reports whether net/http itself confuses the connection, for
// instance by a ReadFrom that goes on behind a Content-Length.
func (j *judge) outOfStep() bool {
	beyond := j.sendfile && (j.makes(opCopy) || j.makes(opServeContent)) && j.got.first.header.Get("Content-Length") != ""
	return j.want.second != nil && !isSecond(j.want.second) || j.want.rest != "" || beyond && !isSecond(j.got.second)
}

func isSecond(r *response) bool {
	return r != nil && r.whole() && r.status == 200 && r.body == secondBody && len(r.interim) == 0
}
