package model_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// A machine runs a program as a handler, and notes what the oracle has to know
// of it that no client sees.
type machine struct {
	w     http.ResponseWriter
	r     *http.Request
	rc    *http.ResponseController
	calls []call

	shape      string   // the optional interfaces
	trace      []string // what the calls returned
	strict     bool     // a 101 on HTTP/2 is an error
	control    bool     // flush and hijack only through a ResponseController
	code       int      // the first final one of a WriteHeader, if that was in time, or none
	corrected  bool     // an invalid code came first, and another one followed
	others     int      // the length of text before a later final code, or none
	interim    []int    // the codes of 1xx, if in time
	committed  bool     // net/http alone would have sent a final header
	hijacked   bool
	text       []byte // what was written, be it sent or not
	problem    int    // the code of one that respond has sent first
	problemEnd int    // the length of text up to it
	flushed    bool
	unflushed  bool // a Flush was refused
	start      time.Time
	waited     bool // some time has passed
	overdue    bool // more than a Timeout gives
	starved    bool // a client did not send its body, since it had got an error
	silenced   bool // a deadline for writes passed meanwhile
	until      time.Time
	open       bool // nothing was committed when it became overdue
	ended      ending
	done       bool   // run has returned
	began      bool   // committed, before the late calls
	late       []call // what is left to do when the middlewares have returned
	after      bool   // even net/http has
	err        error  // for respond.Handler
}

// ending is how a handler ends.
type ending int

const (
	returned ending = iota
	panicked
	aborted
	exited // by runtime.Goexit
)

// run makes the calls until one ends the program. It leaves by a panic where
// the program does.
func (m *machine) run(w http.ResponseWriter, r *http.Request, calls []call) error {
	m.w, m.r, m.rc, m.code, m.others = w, r, http.NewResponseController(w), none, none
	m.shape, m.start = shape(w), time.Now()
	m.err = m.runAll(calls)
	m.done, m.began = true, m.committed || m.strict && m.code != none
	return m.err
}

// shape names the optional interfaces that a ResponseWriter has.
func shape(w http.ResponseWriter) string {
	_, flusher := w.(http.Flusher)
	_, flushErrorer := w.(interface{ FlushError() error })
	_, hijacker := w.(http.Hijacker)
	_, pusher := w.(http.Pusher)
	_, readerFrom := w.(io.ReaderFrom)
	_, stringWriter := w.(io.StringWriter)
	_, closeNotifier := w.(interface{ CloseNotify() <-chan bool })
	return fmt.Sprintf("Flusher %v, FlushError %v, Hijacker %v, Pusher %v, ReaderFrom %v, StringWriter %v, CloseNotifier %v",
		flusher, flushErrorer, hijacker, pusher, readerFrom, stringWriter, closeNotifier)
}

func (m *machine) runAll(calls []call) error {
	for i, c := range calls {
		m.calls = calls[i+1:]
		switch c.kind() {
		case opReturn:
			return nil
		case opFail:
			return m.failure(c)
		case opLate:
			m.late, m.after = m.calls, c.a%4 == 3
			return nil
		case opWait:
			if err := m.wait(c); err != nil {
				return err
			}
		case opCopy:
			if err := m.copyFrom(c); err != nil && c.b>>7 == 1 {
				return err
			}
		default:
			m.do(c)
		}
	}
	return nil
}

// left reports whether the program did not return, and that was not its will:
// net/http panics if a code is no code.
func (m *machine) threw() bool { return !m.done && m.ended == returned }

// wait takes time: so much that a Timeout ends meanwhile, or so little that
// none does. It never ends at the moment at which one does, since the
// order of the two is undefined then.
func (m *machine) wait(c call) error {
	m.waited = true
	defer m.passes(!m.committed)
	switch c.a % 4 {
	case 0:
		<-time.After(2 * limit)
	case 1, 2:
		select {
		case <-m.r.Context().Done():
			if c.a%4 == 2 {
				return m.r.Context().Err()
			}
		case <-time.After(2 * limit):
		}
	case 3:
		<-time.After(short)
	}
	return nil
}

// passes notes what has become of the time when a call is over.
func (m *machine) passes(open bool) {
	m.silenced = m.silenced || !m.until.IsZero() && !time.Now().Before(m.until)
	if !m.overdue && time.Since(m.start) > short {
		m.overdue, m.open = true, open
	}
}

func (m *machine) failure(c call) error {
	return pick([]error{errors.New(canary), problem.New(409), problem.New(503), io.ErrUnexpectedEOF}, c.a)
}

// runLate makes the calls that come after the middlewares have returned.
func (m *machine) runLate() {
	for i, c := range m.late {
		m.calls = m.late[i+1:]
		switch c.kind() {
		case opReturn, opFail, opLate, opWait:
			return
		case opDeadline, opFullDuplex, opReadBody, opParseForm, opHijack:
			if !m.after { // otherwise they are about the next request
				m.do(c)
			}
		case opCopy:
			_ = m.copyFrom(c)
		default:
			m.do(c)
		}
	}
}

// saw notes what a call returned. Of a connection that was taken over nothing
// is promised.
func (m *machine) saw(name string, n int64, err error) {
	if m.hijacked {
		return
	}
	m.trace = append(m.trace, fmt.Sprintf("%s: %d, %v", name, n, err != nil))
}

// commits notes that net/http would have sent a final header by now.
func (m *machine) commits() { m.committed = true }

func (m *machine) do(c call) {
	h := m.w.Header()
	switch c.kind() {
	case opWriteHeader:
		m.writeHeader(pick(codes, c.a))
	case opWrite:
		m.wrote("Write", m.w.Write)([]byte(body(pick(sizes, c.a), c.b)))
	case opWriteString:
		text := body(pick(sizes, c.a), c.b)
		m.wrote("WriteString", func([]byte) (int, error) { return io.WriteString(m.w, text) })([]byte(text))
	case opSetHeader:
		f := pick(fields, c.a)
		h.Set(f.name, pick(f.values, c.b))
	case opAddHeader:
		f := pick(fields, c.a)
		h.Add(f.name, pick(f.values, c.b))
	case opDelHeader:
		h.Del(pick(fields, c.a).name)
	case opDeclareLength:
		h.Set("Content-Length", strconv.Itoa(max(0, m.toCome()+pick(lengthErrors, c.a).by)))
	case opTrailer:
		h.Set(pick(trailers, c.a), canary)
	case opFlush:
		m.flush(c)
	case opError:
		m.httpError(pick(texts, c.b), pick(errorCodes, c.a))
	case opNotFound:
		m.notes(404)
		m.text = append(m.text, "404 page not found\n"...)
		http.NotFound(m.w, m.r)
		m.commits()
	default:
		m.doRare(c)
	}
}

// notes is called before a WriteHeader.
func (m *machine) notes(code int) {
	if m.code != none && m.others == none && !m.isInvalid() && m.isFinal(code) {
		m.others = len(m.text)
	}
	switch {
	case m.hijacked:
	case m.isInvalid() && len(m.text) == 0:
		m.corrected = true
	case m.committed:
	case code >= 100 && code <= 199 && (code != http.StatusSwitchingProtocols || m.r.ProtoMajor >= 2 && !m.strict):
		m.interim = append(m.interim, code)
	case m.code == none:
		m.code = code
	}
}

// isInvalid reports whether the code of the handler is one that Normalize does not
// send.
func (m *machine) isInvalid() bool {
	return m.code != none && m.code != anyCode && (m.code < 200 || m.code > 599)
}

// isFinal reports whether net/http sends the code as a final one.
func (m *machine) isFinal(code int) bool {
	return code >= 200 && code <= 999 || code == http.StatusSwitchingProtocols && m.r.ProtoMajor < 2
}

func (m *machine) writeHeader(code int) {
	m.notes(code)
	m.w.WriteHeader(code)
	m.committed = m.committed || m.isFinal(code)
}

func (m *machine) httpError(text string, code int) {
	m.notes(code)
	m.text = append(m.text, text+"\n"...)
	http.Error(m.w, text, code)
	m.committed = true // or it has panicked
}

func (m *machine) wrote(name string, write func([]byte) (int, error)) func([]byte) {
	return func(p []byte) {
		m.text = append(m.text, p...)
		if !m.hijacked {
			m.commits()
		}
		n, err := write(p)
		m.saw(name, int64(n), err)
	}
}

func (m *machine) copyFrom(c call) error {
	s := pick(copySources, c.a)
	text := body(s.size, c.b)
	var src io.Reader = strings.NewReader(text)
	if s.fail {
		src = io.MultiReader(src, failing{})
	}
	if s.size > 0 && !m.hijacked {
		m.text = append(m.text, text...)
		m.commits()
	}
	n, err := io.Copy(m.w, struct{ io.Reader }{src}) // without a WriterTo
	m.saw("Copy", n, err)
	return err
}

// failing is a source that is broken.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New(canary + " of a source") }

// toCome is how many bytes the calls write that follow.
func (m *machine) toCome() (n int) {
	for _, c := range m.calls {
		switch c.kind() {
		case opWrite, opWriteString:
			n += pick(sizes, c.a)
		case opCopy:
			s := pick(copySources, c.a)
			n += s.size
			if s.fail && c.b>>7 == 1 {
				return n
			}
		case opReturn, opFail, opLate, opPanic:
			return n
		}
	}
	return n
}

func (m *machine) flush(c call) {
	if c.a%2 == 0 && !m.control {
		if f, ok := m.w.(http.Flusher); ok {
			m.flushed = true
			m.commitUnlessHijacked()
			f.Flush()
		}
		return
	}
	err := m.rc.Flush()
	m.saw("Flush", 0, err)
	if errors.Is(err, http.ErrNotSupported) {
		m.unflushed = true
		return
	}
	m.flushed = true
	m.commitUnlessHijacked()
}

func (m *machine) commitUnlessHijacked() {
	if !m.hijacked {
		m.commits()
	}
}

func (m *machine) doRare(c call) {
	switch c.kind() {
	case opRedirect:
		code := pick(redirects, c.a)
		m.notes(code)
		if _, typed := m.w.Header()["Content-Type"]; !typed && m.r.Method == "GET" {
			m.text = append(m.text, "<a href="...)
		}
		http.Redirect(m.w, m.r, "/there", code)
		m.commitUnlessHijacked()
	case opServeContent:
		m.serveContent(c)
	case opReadBody, opParseForm:
		// A goroutine that was left shares the mutex of the body with net/http,
		// and synctest does not see that it waits for a mutex.
		if !m.overdue {
			m.readBody(c)
		}
	case opHijack:
		m.hijack(c)
	case opDeadline:
		m.setDeadline(c)
	case opFullDuplex:
		m.saw("EnableFullDuplex", 0, m.rc.EnableFullDuplex())
	case opRespond:
		m.respond(c)
	case opPanic:
		m.panic(c)
	}
}

func (m *machine) respond(c call) {
	code := pick(problemCodes, c.b)
	if c.a%3 == 2 {
		code = 200
	}
	if m.committed {
		return // respond refuses a second response where it can know of the first
	}
	if code >= 400 && m.code == none {
		m.problem, m.problemEnd = code, len(m.text)+1
	}
	m.notes(code)
	m.text = append(m.text, '{')
	switch c.a % 3 {
	case 0:
		respond.Error(m.w, code)
	case 1:
		respond.Problem(m.w, m.r, problem.New(code))
	case 2:
		respond.JSON(m.w, code, pick(problemCodes, c.b))
	}
	m.commitUnlessHijacked()
}

var modified = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// serveContent leaves the code to the oracle, since it depends on the request.
func (m *machine) serveContent(c call) {
	switch {
	case m.code == none && !m.committed:
		m.code = anyCode
	case m.isInvalid() && len(m.text) == 0:
		m.corrected = true
	}
	text := body(pick(sizes, c.a), c.b)
	if m.r.Method != "HEAD" {
		m.text = append(m.text, text...)
	}
	http.ServeContent(m.w, m.r, pick(names, c.b), modified, strings.NewReader(text))
	m.commitUnlessHijacked()
}

// Instead of a code of the handler: one that the oracle has to find elsewhere, and none
// at all.
const (
	anyCode = -1000
	none    = -2000
)

func (m *machine) readBody(c call) {
	start := time.Now()
	defer func() { m.starved = m.starved || time.Since(start) > time.Minute }()
	defer m.passes(!m.committed)
	if c.kind() == opParseForm {
		m.saw("ParseMultipartForm", 0, m.r.ParseMultipartForm(100))
		return
	}
	switch c.a % 4 {
	case 0:
		b, err := io.ReadAll(m.r.Body)
		m.saw("ReadAll", int64(len(b)), err)
	case 1, 3:
		n, err := io.ReadFull(m.r.Body, make([]byte, []int{3, 3000}[c.a%4/2]))
		m.saw("ReadFull", int64(n), err)
	case 2:
		m.saw("Close", 0, m.r.Body.Close())
	}
}

// rawResponse is what a program sends on a connection that it has taken over.
const rawResponse = "HTTP/1.1 299 Raw\r\nContent-Length: 3\r\nConnection: close\r\n\r\nraw"

func (m *machine) hijack(c call) {
	var conn net.Conn
	var rw *bufio.ReadWriter
	var err error = http.ErrNotSupported
	if h, ok := m.w.(http.Hijacker); c.a%3 != 1 || m.control {
		conn, rw, err = m.rc.Hijack()
	} else if ok {
		conn, rw, err = h.Hijack()
	}
	m.saw("Hijack", 0, err)
	if err != nil {
		return
	}
	m.hijacked, m.committed = true, true
	if c.a%3 != 2 {
		_, _ = rw.WriteString(rawResponse)
		_ = rw.Flush()
	}
	_ = conn.Close()
}

func (m *machine) setDeadline(c call) {
	at := time.Time{}
	if c.a%4 < 2 {
		at = time.Now().Add(soon)
	}
	if c.a%2 == 0 {
		m.saw("SetReadDeadline", 0, m.rc.SetReadDeadline(at))
	} else {
		err := m.rc.SetWriteDeadline(at)
		m.saw("SetWriteDeadline", 0, err)
		if err == nil {
			m.until = at
		}
	}
}

func (m *machine) panic(c call) {
	switch c.a % 5 {
	case 0:
		m.ended = panicked
		panic(canary)
	case 1:
		m.ended = panicked
		panic(errors.New(canary))
	case 2:
		m.ended = aborted
		panic(http.ErrAbortHandler)
	case 3:
		m.ended = exited
		runtime.Goexit()
	case 4:
		m.ended = panicked
		panic(fmt.Errorf("%w", http.ErrAbortHandler))
	}
}
