package conformance

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// reader1 reads one response of HTTP/1 strictly, and notes faults that net/http's
// client tolerates or corrects.
type reader1 struct {
	in  *bufio.Reader
	max int64 // the length of a body
	x   *exchange
}

const (
	maxLine    = 64 << 10
	maxFields  = 1000
	maxInterim = 100
)

var errLine = errors.New("the line is too long")

// line reads a line and returns it without its end. A line that does not end in CRLF
// is a fault.
func (r *reader1) line() (string, error) {
	var b []byte
	for {
		part, err := r.in.ReadSlice('\n')
		b = append(b, part...)
		if len(b) > maxLine {
			return "", errLine
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return string(b), err
		}
		break
	}
	s, found := strings.CutSuffix(string(b), "\r\n")
	if !found {
		s = strings.TrimSuffix(s, "\n")
		r.x.fault("line-end", fmt.Sprintf("%q ends in LF alone", s))
	}
	if strings.Contains(s, "\r") {
		r.x.fault("bare-cr", fmt.Sprintf("%q has a CR", s))
	}
	return s, nil
}

var (
	statusLine   = regexp.MustCompile(`^(HTTP/[0-9]\.[0-9]) ([0-9]{3}) ([\t\x20-\x7e\x80-\xff]*)$`)
	statusNoneSP = regexp.MustCompile(`^(HTTP/[0-9]\.[0-9]) ([0-9]{3})$`)
)

// head reads a status line and a header. After an error nothing more can be read from
// the connection.
func (r *reader1) head() (*message, error) {
	line, err := r.line()
	if err != nil {
		return nil, err
	}
	m := new(message)
	found := statusLine.FindStringSubmatch(line)
	if found == nil {
		if found = statusNoneSP.FindStringSubmatch(line); found == nil {
			r.x.fault("status-line", fmt.Sprintf("%q", line))
			return nil, errNotHTTP
		}
		r.x.fault("reason-space", fmt.Sprintf("%q", line))
		found = append(found, "")
	}
	m.version, m.reason = found[1], found[3]
	m.status, _ = strconv.Atoi(found[2])
	m.header, err = r.fields("header")
	return m, err
}

var errNotHTTP = errors.New("the bytes are not a response of HTTP/1")

// fields reads field lines up to the empty line.
func (r *reader1) fields(section string) (all fields, err error) {
	for len(all) <= maxFields {
		line, err := r.line()
		if err != nil {
			return all, err
		}
		if line == "" {
			return all, nil
		}
		if line[0] == ' ' || line[0] == '\t' {
			if len(all) == 0 {
				r.x.fault("leading-space", fmt.Sprintf("the %s section begins with %q", section, line))
			} else {
				r.x.fault("line-folding", fmt.Sprintf("%s is folded", all[len(all)-1].name))
				all[len(all)-1].value += " " + trim(line)
			}
			continue
		}
		name, value, colon := strings.Cut(line, ":")
		switch {
		case !colon:
			r.x.fault("field-name", fmt.Sprintf("the %s section has the line %q, without a colon", section, line))
			continue
		case strings.TrimRight(name, " \t") != name:
			r.x.fault("colon-space", fmt.Sprintf("%q", line))
			name = strings.TrimRight(name, " \t")
		}
		if !isToken(name) {
			r.x.fault("field-name", fmt.Sprintf("%q", name))
		}
		value = trim(value)
		if hasControl(value) {
			r.x.fault("field-value", fmt.Sprintf("%s: %q", name, value))
		}
		all = append(all, field{name, value})
	}
	return all, errors.New("there are too many field lines")
}

// response reads the interim responses and the final one. After an error nothing more
// can be read from the connection.
func (r *reader1) response() error {
	for {
		m, err := r.head()
		if err != nil {
			return err
		}
		if m.status >= 100 && m.status <= 199 && m.status != 101 {
			if r.x.interim = append(r.x.interim, m); len(r.x.interim) > maxInterim {
				return errors.New("there are too many interim responses")
			}
			continue
		}
		r.x.final = m
		return r.body(m)
	}
}

// body reads the body of the final response (RFC 9112, section 6.3).
func (r *reader1) body(m *message) error {
	codings := m.header.list("Transfer-Encoding")
	switch {
	case m.status == 101:
		m.bodyless, r.x.close = true, true
		return nil
	case r.x.request.Method == "HEAD", m.status == 204, m.status == 304:
		m.bodyless = true
		return nil
	case len(codings) > 0 && strings.EqualFold(codings[len(codings)-1], "chunked"):
		m.chunked = true
		return r.chunks(m)
	case len(codings) == 0 && m.header.has("Content-Length"):
		n, ok := contentLength(m.header)
		if !ok {
			r.x.close = true
			r.x.fault("length-syntax", fmt.Sprintf("Content-Length: %s", strings.Join(m.header.values("Content-Length"), ", ")))
			return errNotHTTP
		}
		m.length = true
		return r.bodyBytes(m, n)
	}
	r.x.close = true
	b, err := io.ReadAll(io.LimitReader(r.in, r.max+1))
	m.body = b
	r.x.cut = int64(len(b)) > r.max
	return err
}

// contentLength returns the value of Content-Length. Equal values count as one (RFC
// 9112, section 6.3). It reports false if there is no value or no valid one.
func contentLength(h fields) (int64, bool) {
	n := int64(-1)
	for _, s := range elements(strings.Join(h.values("Content-Length"), ",")) {
		v, err := strconv.ParseInt(s, 10, 64)
		if err != nil || !isDigits(s) || n >= 0 && v != n {
			return 0, false
		}
		n = v
	}
	return n, true
}

// bodyBytes reads n bytes of the body.
func (r *reader1) bodyBytes(m *message, n int64) error {
	if n > r.max-int64(len(m.body)) {
		r.x.cut, r.x.close = true, true
		return nil
	}
	at := len(m.body)
	m.body = append(m.body, make([]byte, n)...)
	got, err := io.ReadFull(r.in, m.body[at:])
	m.body = m.body[:at+got]
	if got < int(n) && !isTimeout(err) {
		r.x.fault("incomplete", fmt.Sprintf("%d of %d bytes arrived", got, n))
	}
	return err
}

// chunks reads the chunked coding (RFC 9112, section 7.1).
func (r *reader1) chunks(m *message) error {
	for {
		n, err := r.chunkSize()
		if err != nil {
			return err
		}
		if n == 0 {
			m.trailer, err = r.fields("trailer")
			return r.chunkError(err)
		}
		if err := r.bodyBytes(m, n); err != nil || r.x.cut {
			return err
		}
		switch end, err := r.line(); {
		case err != nil:
			return r.chunkError(err)
		case end != "":
			return r.badChunk("%q follows the data of a chunk", end)
		}
	}
}

// chunkSize reads the line before a chunk.
func (r *reader1) chunkSize() (int64, error) {
	line, err := r.line()
	if err != nil {
		return 0, r.chunkError(err)
	}
	found := chunkHead.FindStringSubmatch(line)
	if found == nil {
		return 0, r.badChunk("%q is not the size of a chunk", line)
	}
	n, err := strconv.ParseInt(found[1], 16, 64)
	if err != nil {
		return 0, r.badChunk("%q is not the size of a chunk", line)
	}
	return n, nil
}

// chunkError notes how a connection ended within chunks.
func (r *reader1) chunkError(err error) error {
	if err != nil && !isTimeout(err) {
		r.x.close = true
		r.x.fault("incomplete", "the connection ended within the chunks")
	}
	return err
}

// badChunk notes a fault of the coding, after which nothing more can be read.
func (r *reader1) badChunk(seen string, line string) error {
	r.x.close = true
	r.x.fault("chunked", fmt.Sprintf(seen, line))
	return errNotHTTP
}

// chunkHead matches the line before a chunk, with its extensions.
var chunkHead = regexp.MustCompile(`^([0-9A-Fa-f]+)(?:;.+)?$`)

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
