package conformance

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// stream2 is one exchange over HTTP/2.
type stream2 struct {
	*conn2
	x       *exchange
	limit   int64         // the length of the body
	timeout time.Duration // of the exchange, for messages
	window  int64         // how many bytes of DATA the server accepts on the stream
	frames  int
	ended   bool // by the server
}

var (
	errNotHTTP2    = errors.New("the bytes are not a response of HTTP/2")
	errUnprocessed = errors.New("the server has ended the connection without regard to the request")
)

// send writes the head of a request and its body, as far as the server accepts it.
func (s *stream2) send(head []byte, body string) error {
	if _, err := s.Write(head); err != nil {
		return err
	}
	for body != "" && !s.greeted { // SETTINGS may have a smaller window
		if err := s.next(); err != nil {
			return err
		}
	}
	for body != "" && !s.ended {
		n := min(int64(len(body)), s.window, s.conn2.window, maxFrame)
		if n <= 0 {
			if err := s.next(); err != nil {
				return err
			}
			continue
		}
		f := frame{kind: frameData, stream: s.id, payload: []byte(body[:n])}
		if body = body[n:]; body == "" {
			f.flags = flagEndStream
		}
		s.window, s.conn2.window = s.window-n, s.conn2.window-n
		if _, err := s.Write(f.appendTo(nil)); err != nil {
			return err
		}
	}
	return nil
}

// malformed notes a fault of the frames, after which nothing more can be read.
func (s *stream2) malformed(seen string, args ...any) error {
	s.x.fault("malformed", fmt.Sprintf(seen, args...))
	return errNotHTTP2
}

// read reads one frame.
func (s *stream2) read() (frame, error) {
	var head [9]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		return frame{}, err
	}
	n := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
	f := frame{kind: head[3], flags: head[4], stream: binary.BigEndian.Uint32(head[5:]) &^ (1 << 31)}
	s.frames++
	switch {
	case !s.greeted && f.kind != frameSettings:
		return f, s.malformed("the server begins with %q, which is not a SETTINGS frame", head[:])
	case n > maxFrame:
		return f, s.malformed("a frame has %d bytes, above the limit of %d", n, maxFrame)
	case s.frames > maxFrames:
		return f, errors.New("there are too many frames")
	}
	f.payload = make([]byte, n)
	_, err := io.ReadFull(s.in, f.payload)
	return f, err
}

// next reads one frame and acts on it.
func (s *stream2) next() error {
	f, err := s.read()
	if err != nil {
		return err
	}
	switch f.kind {
	case frameData, frameHeaders:
		switch {
		case f.stream == s.id:
		case f.stream%2 == 1 && f.stream < s.id && s.last != nil:
			s.last.fault("malformed", "a frame follows the end of the response")
			return errUnprocessed
		default:
			return s.malformed("a frame of a response is on stream %d, which is not open", f.stream)
		}
		if f.kind == frameData {
			return s.data(f)
		}
		return s.headers(f)
	case frameReset:
		return s.reset(f)
	case frameSettings:
		return s.settings(f)
	case framePush:
		return s.malformed("the server sent PUSH_PROMISE, which the client has disabled")
	case framePing:
		if len(f.payload) != 8 {
			return s.malformed("a PING frame has %d bytes", len(f.payload))
		}
		return s.acknowledge(f)
	case frameGoAway:
		return s.goAway(f)
	case frameWindow:
		return s.enlarge(f)
	case frameContinuation:
		return s.malformed("a CONTINUATION frame follows no HEADERS frame")
	}
	return nil
}

// acknowledge replies to a PING or SETTINGS frame that is not itself a reply.
func (s *stream2) acknowledge(f frame) error {
	if f.has(flagAck) {
		return nil
	}
	if f.flags = flagAck; f.kind == frameSettings {
		f.payload = nil
	}
	_, err := s.Write(f.appendTo(nil))
	return err
}

func (s *stream2) settings(f frame) error {
	if s.greeted = true; len(f.payload)%6 != 0 {
		return s.malformed("a SETTINGS frame has %d bytes", len(f.payload))
	}
	for p := f.payload; len(p) > 0; p = p[6:] {
		if value := int64(binary.BigEndian.Uint32(p[2:])); p[0] == 0 && p[1] == 4 { // INITIAL_WINDOW_SIZE
			s.window, s.initial = s.window+value-s.initial, value
		}
	}
	return s.acknowledge(f)
}

func (s *stream2) goAway(f frame) error {
	if len(f.payload) < 8 {
		return s.malformed("a GOAWAY frame has %d bytes", len(f.payload))
	}
	s.leaving = true
	if binary.BigEndian.Uint32(f.payload)&^(1<<31) >= s.id { // the server still responds on this stream
		return nil
	}
	if code := binary.BigEndian.Uint32(f.payload[4:]); code != 0 {
		return fmt.Errorf("GOAWAY with %s", errorCode(code))
	}
	return errUnprocessed
}

func (s *stream2) enlarge(f frame) error {
	if len(f.payload) != 4 {
		return s.malformed("a WINDOW_UPDATE frame has %d bytes", len(f.payload))
	}
	switch n := int64(binary.BigEndian.Uint32(f.payload) &^ (1 << 31)); f.stream {
	case 0:
		s.conn2.window += n
	case s.id:
		s.window += n
	}
	return nil
}

// reset notes that the server has given up the response. A RST_STREAM after its end is
// not read: it only stops the request.
func (s *stream2) reset(f frame) error {
	switch {
	case len(f.payload) != 4:
		return s.malformed("a RST_STREAM frame has %d bytes", len(f.payload))
	case f.stream != s.id:
		return nil
	}
	s.ended = true
	seen := "the stream was reset with " + errorCode(binary.BigEndian.Uint32(f.payload))
	if s.x.final == nil {
		s.x.fault("no-response", seen)
	} else {
		s.x.fault("incomplete", seen)
	}
	return nil
}

// data appends the payload of a DATA frame to the body and lets the server send as
// many bytes again.
func (s *stream2) data(f frame) error {
	p, ok := f.unpadded()
	switch {
	case !ok:
		return s.malformed("a DATA frame has more padding than bytes")
	case s.x.final == nil:
		return s.malformed("a DATA frame comes before HEADERS")
	}
	m := s.x.final
	if m.bodyless && len(p) > 0 {
		s.x.stray(fmt.Sprintf("%q", p))
	} else {
		m.body = append(m.body, p...)
	}
	if int64(len(m.body)) > s.limit {
		s.x.cut, s.ended = true, true
		return nil
	}
	if f.has(flagEndStream) {
		s.end()
	}
	if len(f.payload) == 0 {
		return nil
	}
	more := binary.BigEndian.AppendUint32(nil, uint32(len(f.payload)))
	update := frame{kind: frameWindow, payload: more}.appendTo(nil)
	if !s.ended {
		update = frame{kind: frameWindow, stream: s.id, payload: more}.appendTo(update)
	}
	_, err := s.Write(update)
	if s.ended {
		return nil // a server that closes the connection now has sent all that it had to
	}
	return err
}

// headers reads the field block that begins with a HEADERS frame: an interim
// response, the header of the final one, or its trailer.
func (s *stream2) headers(f frame) error {
	block, ok := f.unpadded()
	if !ok {
		return s.malformed("a HEADERS frame has more padding than bytes")
	}
	for more := f; !more.has(flagEndHeaders); {
		var err error
		if more, err = s.read(); err != nil {
			return err
		}
		if more.kind != frameContinuation || more.stream != s.id {
			return s.malformed("another frame is between HEADERS and its CONTINUATION")
		}
		if block = append(block, more.payload...); len(block) > maxBlock {
			return errors.New("the header is too long")
		}
	}
	lines, err := s.decoder.decode(block)
	if err != nil {
		s.x.fault("field-block", err.Error())
		return errNotHTTP2
	}
	return s.message(lines, f.has(flagEndStream))
}

// message notes a decoded field block.
func (s *stream2) message(lines fields, end bool) error {
	pseudo, header := s.split(lines)
	if m := s.x.final; m != nil {
		m.trailer = header
		switch {
		case len(pseudo) > 0:
			s.x.fault("pseudo-fields", fmt.Sprintf("%s is in the trailer", pseudo[0].name))
		case !end:
			return s.malformed("the trailer does not end the response")
		}
		s.end()
		return nil
	}
	m := &message{version: HTTP2, header: header}
	if len(pseudo) != 1 || pseudo[0].name != ":status" || !threeDigits.MatchString(pseudo[0].value) {
		s.x.fault("pseudo-fields", fmt.Sprintf("the pseudo-header fields are %q", pseudo))
		return errNotHTTP2
	}
	m.status, _ = strconv.Atoi(pseudo[0].value)
	if m.status >= 100 && m.status <= 199 {
		if s.x.interim = append(s.x.interim, m); len(s.x.interim) > maxInterim {
			return errors.New("there are too many interim responses")
		}
		if end {
			return s.malformed("an interim response, %d, ends the stream", m.status)
		}
		return nil
	}
	m.bodyless = s.x.request.Method == http.MethodHead || m.status == 204 || m.status == 304
	if s.x.final = m; end {
		s.end()
	}
	return nil
}

// split separates the pseudo-header fields from the header, and judges how the
// latter is written (RFC 9113, section 8.2.1).
func (s *stream2) split(lines fields) (pseudo, header fields) {
	for _, line := range lines {
		name, value := line.name, line.value
		if strings.HasPrefix(name, ":") {
			if pseudo = append(pseudo, line); len(header) > 0 {
				s.x.fault("pseudo-fields", fmt.Sprintf("%s comes after a header field", name))
			}
			continue
		}
		switch {
		case !isToken(name):
			s.x.fault("field-name", fmt.Sprintf("%q", name))
		case strings.ToLower(name) != name:
			s.x.fault("lowercase", fmt.Sprintf("%q", name))
		}
		if hasControl(value) {
			s.x.fault("field-value", fmt.Sprintf("%s: %q", name, value))
		}
		if trim(value) != value {
			s.x.fault("outer-space", fmt.Sprintf("%s: %q", name, value))
		}
		header = append(header, line)
	}
	return pseudo, header
}

// end notes that the response is complete, and compares its lengths.
func (s *stream2) end() {
	s.ended, s.last = true, s.x
	m := s.x.final
	if n, ok := contentLength(m.header); ok && n >= 0 && !m.bodyless && n != int64(len(m.body)) {
		s.x.fault("malformed", fmt.Sprintf("Content-Length is %d, and DATA has %d bytes", n, len(m.body)))
	}
}

// failed notes why a response could not be read to its end.
func (s *stream2) failed(err error) {
	switch {
	case isTimeout(err) && s.x.final != nil:
		s.x.cut = true // a stream without an end, perhaps
	case isTimeout(err):
		s.x.fault("no-response", fmt.Sprintf("no response arrived within %v", s.timeout))
	case err == errNotHTTP2:
	case s.x.final == nil:
		s.x.fault("no-response", fmt.Sprintf("the connection ended first (%v)", err))
	default:
		s.x.fault("incomplete", fmt.Sprint(err))
	}
}

var threeDigits = regexp.MustCompile(`^[0-9]{3}$`)
