package model_test

import (
	"mime"
	"slices"
	"strings"
)

// leftovers looks for temporary files. net/http alone leaves those of a handler
// that panics, and in Go 1.27 all over HTTP/2.
func (j *judge) leftovers() {
	owned := slices.ContainsFunc(j.layers, func(l layer) bool { return l.ours != nil && l.kind&passive == 0 })
	if len(j.got.files) > 0 && !j.lateCalls() && (len(j.want.files) == 0 || owned && j.got.returned && !j.got.machine.hijacked) {
		j.fault("files", "%d temporary files are left", len(j.got.files))
	}
}

// log looks at what net/http's log says of the caller of a WriteHeader.
func (j *judge) log() {
	for line := range strings.Lines(j.got.logged) {
		if strings.Contains(line, "rejoinder/respond.") && j.makes(opRespond) {
			continue // it is the caller indeed
		}
		if strings.HasPrefix(line, "http: ") && strings.Contains(line, "WriteHeader") && strings.Contains(line, "rejoinder/") && !strings.Contains(line, "internal/model") {
			j.fault("log", "net/http logs our frames: %s", strings.TrimSpace(line))
		}
	}
}

// isExact reports whether the layer at a place can know what the client got,
// and what the handler did: a foreign wrapper between it and one that changes
// responses hides that.
func (j *judge) isExact(at int) bool {
	const changes = normalizes | recovers | handlesErrors | timed
	first := slices.IndexFunc(j.layers, func(l layer) bool { return l.kind&changes != 0 })
	last := len(j.layers) - 1
	for last > at && j.layers[last].kind&changes == 0 {
		last--
	}
	if first < 0 || first > at {
		first = at
	}
	return !slices.ContainsFunc(j.layers[first:last+1], func(l layer) bool { return l.kind&foreign != 0 })
}

// reached counts the layers of a kind that the request reached.
func (j *judge) reached(k kind) (n int) {
	for _, l := range j.layers {
		if l.kind&refusing != 0 && j.refused() {
			break
		}
		if l.kind&k != 0 {
			n++
		}
	}
	return n
}

// results compares the Results of Capture and AccessLog with the wire.
func (j *judge) results() {
	if n := j.reached(observing); len(j.got.tape.results) != n {
		j.fault("result", "%d results for %d layers", len(j.got.tape.results), n)
		return
	}
	if j.lateCalls() || j.outOfStep() || j.timesOut() && j.got.machine.hijacked {
		return
	}
	for _, res := range j.got.tape.results {
		if j.isExact(res.layer) {
			j.result(res)
		}
	}
}

func (j *judge) result(res reported) {
	got, m := &j.got.first, &j.got.machine
	no := func(format string, args ...any) {
		j.fault("result", "%s: "+format, append([]any{j.layers[res.layer].name}, args...)...)
	}
	// A client that waits with its body gives the stream up if the response
	// comes first.
	if res.ClientGone && !j.got.left && !m.hijacked && !(j.protocol == http2 && (j.request.expect || j.request.size > 0 || got.err != "")) {
		no("ClientGone, but the client stays")
	}
	if res.Hijacked != m.hijacked {
		no("Hijacked is %v", res.Hijacked)
	}
	if m.ended == panicked && res.Panic == nil && !j.timesOut() {
		no("no Panic")
	}
	if m.hijacked {
		return
	}
	if got.status != 0 && res.Status != got.status {
		no("Status is %d, on the wire %d", res.Status, got.status)
	}
	j.resultBody(res, no)
	interim, noted := j.interimOnWire(), without100(res.Interim, j.request.expect)
	if len(res.Interim) == 16 { // a Result has no more
		interim = interim[:min(len(interim), len(noted))]
	}
	if !slices.Equal(interim, noted) {
		no("Interim is %v, on the wire %v", res.Interim, interim)
	}
	code := m.code
	if code == none {
		code = 0
	}
	// The problem of an error takes the place of a code that cannot be sent.
	corrected := m.corrected || m.isInvalid() && m.err != nil && j.has(handlesErrors) && len(m.text) == 0 && res.Problem != nil && handlerStatus(res.Result) == res.Problem.Status
	if code != anyCode && !corrected && !j.timesOut() && !j.refused() && !(m.err != nil && !m.committed) && handlerStatus(res.Result) != code {
		no("HandlerStatus is %d, not %d", handlerStatus(res.Result), code)
	}
	cut := got.err != "" || got.status == 0
	switch {
	case j.timesOut():
		if cut && !res.Aborted && j.want.first.err == "" && !m.silenced {
			no("not Aborted, but cut on the wire: %s", got.err)
		}
	case cut && !res.Aborted && m.ended != returned && !m.silenced:
		no("not Aborted, but cut on the wire: %s", got.err)
	case !cut && res.Aborted && m.ended == returned && !m.threw() && !j.got.left:
		no("Aborted, but whole on the wire")
	}
}

func (j *judge) resultBody(res reported, no func(string, ...any)) {
	got := &j.got.first
	n := int64(len(got.body))
	switch {
	case j.request.method == "HEAD" && res.Bytes != 0:
		no("%d Bytes of a HEAD", res.Bytes)
	// A deadline of the handler's own drops what net/http has taken, and the end of
	// an HTTP/1.0 response does not show that.
	// Neither does that of a response whose client leaves before the handler ends.
	case got.whole() && (got.isDelimited() || !j.got.left) && j.got.machine.ended == returned && !j.timesOut() && !j.makes(opDeadline) && res.Bytes != n, res.Bytes < n:
		no("%d Bytes, on the wire %d", res.Bytes, n)
	}
	mediaType, _, _ := mime.ParseMediaType(got.header.Get("Content-Type"))
	switch {
	case !got.whole() || j.refused() || j.timesOut() || j.makes(opRespond) || j.got.machine.err != nil || j.got.machine.corrected:
	case res.Replaced && !isProblem(got) && !bodyForbidden(got.status):
		no("Replaced, but the type on the wire is %q", mediaType)
	case !res.Replaced && isProblem(got) && got.body != j.want.first.body && !strings.HasPrefix(string(j.got.machine.text), got.body):
		no("not Replaced, but the body on the wire is not the handler's")
	}
}

// interimOnWire are the interim codes of the handler: 100 may also be
// net/http's, if the client expects it.
func (j *judge) interimOnWire() []int { return without100(j.got.first.interim, j.request.expect) }

func without100(codes []int, expected bool) []int {
	return slices.DeleteFunc(slices.Clone(codes), func(code int) bool { return expected && code == 100 })
}

// counts compares the arguments of CountStatus with the wire.
func (j *judge) counts() {
	if n := j.reached(counting); len(j.got.tape.counted) != n {
		j.fault("count", "CountStatus was called %d times for %d layers", len(j.got.tape.counted), n)
		return
	}
	got, m := &j.got.first, &j.got.machine
	if j.lateCalls() || m.hijacked || !got.whole() || j.timesOut() {
		return
	}
	at := 0
	for i, l := range j.layers {
		if l.kind&counting == 0 || at >= len(j.got.tape.counted) {
			continue
		}
		if status := j.got.tape.counted[at]; len(j.got.tape.counted) == 1 && j.isExact(i) && status != got.status {
			j.fault("count", "CountStatus was called with %d, on the wire is %d", status, got.status)
		}
		at++
	}
}
