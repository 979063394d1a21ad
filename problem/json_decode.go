package problem

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// MaxSize is the size in bytes of the largest document that can be decoded.
const MaxSize = 256 << 10

// MaxDepth is the maximum depth of nested arrays and objects in a document that can
// be decoded. The document itself counts.
const MaxDepth = 64

// ErrMalformed is wrapped by the error of decoding a document that is not
// well-formed, is not a JSON object or a problem element, or exceeds [MaxSize] or
// [MaxDepth].
var ErrMalformed = errors.New("problem: malformed document")

// UnmarshalJSON decodes a problem from a JSON object by the rules for clients of RFC
// 9457, section 3. It replaces all standard members and all extensions of d and
// keeps its header and its cause. Afterwards [Details.IsRemote] returns true.
//
//   - A standard member of the wrong type is ignored, as if it were absent. A
//     status is also ignored if it is not a whole number from 100 to 599; 4.04e2
//     is one.
//   - Names are case-sensitive. Every member that is not a standard one is an
//     extension.
//   - The value of an extension is a json.RawMessage with exactly the bytes of the
//     document, including white space and invalid UTF-8.
//   - In standard members and in names, invalid UTF-8 becomes U+FFFD.
//   - If a name is repeated, the last member that is not ignored counts.
//
// If UnmarshalJSON returns an error, it wraps [ErrMalformed], and d is unchanged.
func (d *Details) UnmarshalJSON(b []byte) error { return d.decodeJSON(bytes.Clone(b)) }

// malformed returns the error for a text that a scanner refused.
func malformed(s *jsonscan.Scanner) error {
	return fmt.Errorf("%w: %s at byte %d", ErrMalformed, s.Fault, s.Pos)
}

// standardMembers are the standard members of a problem document.
type standardMembers struct {
	text   [4]jsonscan.Span // type, title, detail, instance: their places in the document
	status int              // 0 if there is no valid status
}

// extension is the place of an extension in a document.
type extension struct {
	name, value jsonscan.Span
	end         int // of the name, in the string that all names share
}

// decodeJSON is UnmarshalJSON for bytes that only d refers to from now on.
func (d *Details) decodeJSON(b []byte) error {
	if len(b) > MaxSize {
		return fmt.Errorf("%w: larger than %d bytes", ErrMalformed, MaxSize)
	}
	var (
		s          = jsonscan.Scanner{Text: b, Depth: MaxDepth}
		standard   standardMembers
		few        [8]extension // so that a few extensions need no allocation
		extensions = few[:0]
		space      [32]byte
	)
	s.Space()
	ok := s.Members(func(name jsonscan.Span) bool {
		key := s.Bytes(name)
		if name.Escaped {
			key = jsonscan.AppendUnquoted(space[:0], key)
		}
		if known, ok := standard.scan(&s, key); known {
			return ok
		}
		from := s.Pos
		ok := s.Value()
		extensions = append(extensions, extension{name: name, value: jsonscan.Span{From: from, To: s.Pos}})
		return ok
	})
	if !ok || !s.End() {
		return malformed(&s)
	}
	d.Status, d.stated, d.remote, d.fromXML = standard.status, standard.status, true, false
	d.setMembers(b, &standard, extensions)
	return nil
}

// scan notes the next value of s, which belongs to the member key, and moves past
// it. It returns known as false, and does neither, if key is not a standard member.
func (m *standardMembers) scan(s *jsonscan.Scanner, key []byte) (known, ok bool) {
	var text *jsonscan.Span
	switch string(key) {
	case "type":
		text = &m.text[0]
	case "title":
		text = &m.text[1]
	case "detail":
		text = &m.text[2]
	case "instance":
		text = &m.text[3]
	case "status":
		from := s.Pos
		ok = s.Value()
		if code := statusCode(s.Text[from:s.Pos]); ok && code != 0 {
			m.status = code
		}
		return true, ok
	default:
		return false, true
	}
	if s.Peek() != '"' {
		return true, s.Value() // RFC 9457, section 3.1: a member of the wrong type is ignored
	}
	p, ok := s.String()
	*text = p
	return true, ok
}

// setMembers sets the strings and the extensions of d. All strings are parts of one
// string, and all extensions are parts of b. The capacity of each extension is its
// length, so that appending to it does not overwrite the next one.
func (d *Details) setMembers(b []byte, standard *standardMembers, extensions []extension) {
	var space [1024]byte
	text := space[:0]
	var ends [4]int
	for i, p := range standard.text {
		text = appendText(text, b, p)
		ends[i] = len(text)
	}
	for i, e := range extensions {
		text = appendText(text, b, e.name)
		extensions[i].end = len(text)
	}
	all := string(text)
	d.Type, d.Title = all[:ends[0]], all[ends[0]:ends[1]]
	d.Detail, d.Instance = all[ends[1]:ends[2]], all[ends[2]:ends[3]]
	d.Extensions = nil
	if len(extensions) == 0 {
		return
	}
	d.Extensions = make(map[string]any, len(extensions))
	from := ends[3]
	for _, e := range extensions {
		d.Extensions[all[from:e.end]] = json.RawMessage(b[e.value.From:e.value.To:e.value.To])
		from = e.end
	}
}

// appendText appends the JSON string at p without its escapes.
func appendText(dst, b []byte, p jsonscan.Span) []byte {
	src := b[p.From:p.To]
	if !p.Escaped && utf8.Valid(src) {
		return append(dst, src...)
	}
	return jsonscan.AppendUnquoted(dst, src)
}

// statusCode returns the status code in a JSON value, or 0 if it is not one. Like
// most JSON decoders it reads a number as a float64 (RFC 8259, section 6).
func statusCode(value []byte) int {
	if len(value) == 0 || !jsonscan.Digit(value[0]) {
		return 0
	}
	if len(value) == 3 && jsonscan.Digit(value[1]) && jsonscan.Digit(value[2]) { // the usual form
		code := int(value[0]-'0')*100 + int(value[1]-'0')*10 + int(value[2]-'0')
		if status.ClassOf(code) == 0 {
			return 0
		}
		return code
	}
	f, err := strconv.ParseFloat(string(value), 64)
	if err != nil || f < 100 || f > 599 || f != math.Trunc(f) {
		return 0
	}
	return int(f)
}
