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

// MaxSize is the size in bytes of the largest document that is read.
const MaxSize = 256 << 10

// MaxDepth is how deeply the arrays and objects of a document that is read may
// be nested, the document itself included.
const MaxDepth = 64

// ErrMalformed is what the error of reading a document wraps that is not well
// formed, is no JSON object, or exceeds [MaxSize] or [MaxDepth].
var ErrMalformed = errors.New("problem: malformed document")

// UnmarshalJSON reads a problem from one JSON object by the rules for clients in
// RFC 9457, section 3. It replaces the type, title, status, detail, instance and
// all extensions of d, which is [Details.IsRemote] afterwards, and keeps its
// header and its cause. On error d is unchanged; the error is [ErrMalformed].
//
//   - A standard member of the wrong type is ignored, as if it were absent. So
//     is a status that is not a whole number from 100 to 599; 4.04e2 is one.
//   - Names are case-sensitive. What is no standard member is an extension.
//   - An extension is kept as the json.RawMessage that came, byte for byte:
//     digits, spaces and the order of nested members stay, invalid UTF-8 too.
//   - In standard members and names invalid UTF-8 becomes U+FFFD.
//   - Where a name is repeated, the last member counts that is not ignored.
func (d *Details) UnmarshalJSON(b []byte) error { return d.decodeJSON(bytes.Clone(b)) }

// malformed returns the error of a scanner that refused its text.
func malformed(s *jsonscan.Scanner) error {
	return fmt.Errorf("%w: %s at byte %d", ErrMalformed, s.Fault, s.Pos)
}

// extension is a member that is not a standard one.
type extension struct {
	name, value jsonscan.Span
	end         int // of the name, in the text that all names share
}

// decodeJSON is UnmarshalJSON of bytes that belong to d from now on.
func (d *Details) decodeJSON(b []byte) error {
	if len(b) > MaxSize {
		return fmt.Errorf("%w: larger than %d bytes", ErrMalformed, MaxSize)
	}
	var (
		standard   [4]jsonscan.Span // type, title, detail, instance
		few        [8]extension
		extensions = few[:0]
		code       int
		s          = jsonscan.Scanner{Text: b, Depth: MaxDepth}
		nameSpace  [32]byte
	)
	s.Space()
	ok := s.Members(func(name jsonscan.Span) bool {
		key := s.Bytes(name)
		if name.Escaped {
			key = jsonscan.AppendUnquoted(nameSpace[:0], key)
		}
		var to *jsonscan.Span
		switch string(key) {
		case "type":
			to = &standard[0]
		case "title":
			to = &standard[1]
		case "detail":
			to = &standard[2]
		case "instance":
			to = &standard[3]
		case "status":
			from := s.Pos
			ok := s.Value()
			if stated := statusCode(b[from:s.Pos]); ok && stated != 0 {
				code = stated
			}
			return ok
		default:
			from := s.Pos
			ok := s.Value()
			extensions = append(extensions, extension{name: name, value: jsonscan.Span{From: from, To: s.Pos}})
			return ok
		}
		if s.Peek() != '"' {
			return s.Value()
		}
		text, ok := s.String()
		*to = text
		return ok
	})
	if !ok || !s.End() {
		return malformed(&s)
	}
	d.Status, d.stated, d.remote, d.fromXML = code, code, true, false
	d.keep(b, standard, extensions)
	return nil
}

// keep sets the text and the extensions of d. All text shares one string, all
// extensions share b: each is cut to its own capacity, so that appending to one
// copies it.
func (d *Details) keep(b []byte, standard [4]jsonscan.Span, extensions []extension) {
	var space [1024]byte
	text := space[:0]
	var ends [4]int
	for i, p := range standard {
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

// appendText appends what the string at p means.
func appendText(dst, b []byte, p jsonscan.Span) []byte {
	src := b[p.From:p.To]
	if !p.Escaped && utf8.Valid(src) {
		return append(dst, src...)
	}
	return jsonscan.AppendUnquoted(dst, src)
}

// statusCode returns the status code that a JSON value stands for, and 0 if it
// is none. Like most readers of JSON it takes numbers for float64 (RFC 8259,
// section 6).
func statusCode(value []byte) int {
	if len(value) == 0 || !jsonscan.Digit(value[0]) {
		return 0
	}
	if len(value) == 3 && jsonscan.Digit(value[1]) && jsonscan.Digit(value[2]) { // as nearly all write it
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
