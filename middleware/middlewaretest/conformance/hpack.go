package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// hpack decodes the field blocks of one HTTP/2 connection (RFC 7541). The zero
// value is ready to use.
type hpack struct {
	recent fields // the dynamic table, newest first
	size   int    // of the dynamic table (RFC 7541, section 4.1)
	shrunk int    // by how much the server has lowered the limit of size
}

// maxTable is the limit of the dynamic table if the client sets no other (RFC 9113,
// section 6.5.2).
const maxTable = 4096

// decode returns the field lines of a block. After an error the connection cannot
// be used any more, since the dynamic table is unknown.
func (h *hpack) decode(block []byte) (all fields, err error) {
	for len(block) > 0 {
		if len(all) > maxFields {
			return nil, errors.New("it has too many fields")
		}
		switch c := block[0]; {
		case c&0x80 != 0: // indexed
			var n int
			var line field
			if n, block, err = integer(block, 7); err == nil {
				line, err = h.at(n)
			}
			all = append(all, line)
		case c&0xe0 == 0x20: // a new limit
			var n int
			if n, block, err = integer(block, 5); err == nil {
				err = h.resize(n)
			}
		default: // literal
			var line field
			line, block, err = h.literal(block)
			all = append(all, line)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// literal decodes a field line whose value, at least, is spelled out, and adds it
// to the dynamic table if its first bits say so.
func (h *hpack) literal(block []byte) (line field, rest []byte, err error) {
	indexed := block[0]&0xc0 == 0x40
	prefix := 4
	if indexed {
		prefix = 6
	}
	n, rest, err := integer(block, prefix)
	switch {
	case err != nil:
		return line, nil, err
	case n == 0:
		line.name, rest, err = literalString(rest)
	default:
		line, err = h.at(n)
	}
	if err != nil {
		return line, nil, err
	}
	if line.value, rest, err = literalString(rest); err != nil {
		return line, nil, err
	}
	if indexed {
		h.recent = slices.Insert(h.recent, 0, line)
		h.size += cost(line)
		h.evict()
	}
	return line, rest, nil
}

// at returns the field line with an index of both tables.
func (h *hpack) at(n int) (field, error) {
	switch {
	case n >= 1 && n <= len(staticTable):
		return staticTable[n-1], nil
	case n > len(staticTable) && n <= len(staticTable)+len(h.recent):
		return h.recent[n-len(staticTable)-1], nil
	}
	return field{}, fmt.Errorf("index %d is in no table", n)
}

func (h *hpack) resize(limit int) error {
	if limit > maxTable {
		return fmt.Errorf("the size of the dynamic table is set to %d, above %d", limit, maxTable)
	}
	h.shrunk = maxTable - limit
	h.evict()
	return nil
}

// evict removes the oldest lines until the dynamic table is within its limit.
func (h *hpack) evict() {
	for h.size > maxTable-h.shrunk {
		last := len(h.recent) - 1
		h.size -= cost(h.recent[last])
		h.recent = h.recent[:last]
	}
}

// cost is the size of a line of the dynamic table.
func cost(line field) int { return len(line.name) + len(line.value) + 32 }

var errBlockEnds = errors.New("it ends within a field")

// integer decodes RFC 7541, section 5.1.
func integer(b []byte, prefix int) (n int, rest []byte, err error) {
	if len(b) == 0 {
		return 0, nil, errBlockEnds
	}
	most := 1<<prefix - 1
	n, rest = int(b[0])&most, b[1:]
	if n < most {
		return n, rest, nil
	}
	for shift := 0; shift <= 21; shift += 7 {
		if len(rest) == 0 {
			return 0, nil, errBlockEnds
		}
		c := rest[0]
		n, rest = n+int(c&0x7f)<<shift, rest[1:]
		if c&0x80 == 0 {
			return n, rest, nil
		}
	}
	return 0, nil, errors.New("it has an integer that is too large")
}

// appendInteger is the inverse of integer. The other bits of the first byte are 0.
func appendInteger(b []byte, n, prefix int) []byte {
	most := 1<<prefix - 1
	if n < most {
		return append(b, byte(n))
	}
	b, n = append(b, byte(most)), n-most
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// literalString decodes RFC 7541, section 5.2.
func literalString(b []byte) (s string, rest []byte, err error) {
	n, rest, err := integer(b, 7)
	if err != nil {
		return "", nil, err
	}
	if n > len(rest) {
		return "", nil, errBlockEnds
	}
	text, rest := rest[:n], rest[n:]
	if b[0]&0x80 == 0 {
		return string(text), rest, nil
	}
	s, err = huffmanDecode(text)
	return s, rest, err
}

// appendField encodes a field line without an index and without Huffman codes.
func appendField(b []byte, name, value string) []byte {
	b = appendInteger(append(b, 0), len(name), 7)
	b = appendInteger(append(b, name...), len(value), 7)
	return append(b, value...)
}

// huffmanDecode decodes RFC 7541, section 5.2: the padding is fewer than eight
// bits, all of them ones.
func huffmanDecode(b []byte) (string, error) {
	var out strings.Builder
	code, first, length, ones := 0, 0, 0, true
	for i := range len(b) * 8 {
		bit := int(b[i/8]>>(7-i%8)) & 1
		code, first, length, ones = code<<1|bit, first<<1, length+1, ones && bit == 1
		if length >= len(huffman) {
			return "", errors.New("it has a Huffman code that stands for nothing")
		}
		symbols := huffman[length]
		if code-first < len(symbols) {
			out.WriteByte(symbols[code-first])
			code, first, length, ones = 0, 0, 0, true
			continue
		}
		first += len(symbols)
	}
	if length > 7 || !ones {
		return "", errors.New("it has a Huffman code without an end")
	}
	return out.String(), nil
}

// huffman has the symbols with codes of each length, in bits, in the order of their
// codes. The code is canonical, so that nothing more is needed to decode it (RFC
// 7541, appendix B).
var huffman = [...]string{
	5:  "012aceiost",
	6:  " %-./3456789=A_bdfghlmnpru",
	7:  ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz",
	8:  "&*,;XZ",
	10: "!\"()?",
	11: "'+|",
	12: "#>",
	13: "\x00$@[]~",
	14: "^}",
	15: "<`{",
	19: "\\\xc3\xd0",
	20: "\x80\x82\x83\xa2\xb8\xc2\xe0\xe2",
	21: "\x99\xa1\xa7\xac\xb0\xb1\xb3\xd1\xd8\xd9\xe3\xe5\xe6",
	22: "\x81\x84\x85\x86\x88\x92\x9a\x9c\xa0\xa3\xa4\xa9\xaa\xad\xb2\xb5\xb9\xba\xbb\xbd\xbe\xc4\xc6\xe4\xe8\xe9",
	23: "\x01\x87\x89\x8a\x8b\x8c\x8d\x8f\x93\x95\x96\x97\x98\x9b\x9d\x9e\xa5\xa6\xa8\xae\xaf\xb4\xb6\xb7\xbc\xbf\xc5\xe7\xef",
	24: "\x09\x8e\x90\x91\x94\x9f\xab\xce\xd7\xe1\xec\xed",
	25: "\xc7\xcf\xea\xeb",
	26: "\xc0\xc1\xc8\xc9\xca\xcd\xd2\xd5\xda\xdb\xee\xf0\xf2\xf3\xff",
	27: "\xcb\xcc\xd3\xd4\xd6\xdd\xde\xdf\xf1\xf4\xf5\xf6\xf7\xf8\xfa\xfb\xfc\xfd\xfe",
	28: "\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f\xdc\xf9",
	30: "\x0a\x0d\x16",
}

// staticTable is RFC 7541, appendix A. Its first index is 1.
var staticTable = [...]field{
	{":authority", ""}, {":method", "GET"}, {":method", "POST"}, {":path", "/"}, {":path", "/index.html"}, {":scheme", "http"},
	{":scheme", "https"}, {":status", "200"}, {":status", "204"}, {":status", "206"}, {":status", "304"}, {":status", "400"},
	{":status", "404"}, {":status", "500"}, {"accept-charset", ""}, {"accept-encoding", "gzip, deflate"},
	{"accept-language", ""}, {"accept-ranges", ""}, {"accept", ""}, {"access-control-allow-origin", ""}, {"age", ""},
	{"allow", ""}, {"authorization", ""}, {"cache-control", ""}, {"content-disposition", ""}, {"content-encoding", ""},
	{"content-language", ""}, {"content-length", ""}, {"content-location", ""}, {"content-range", ""}, {"content-type", ""},
	{"cookie", ""}, {"date", ""}, {"etag", ""}, {"expect", ""}, {"expires", ""}, {"from", ""}, {"host", ""}, {"if-match", ""},
	{"if-modified-since", ""}, {"if-none-match", ""}, {"if-range", ""}, {"if-unmodified-since", ""}, {"last-modified", ""},
	{"link", ""}, {"location", ""}, {"max-forwards", ""}, {"proxy-authenticate", ""}, {"proxy-authorization", ""}, {"range", ""},
	{"referer", ""}, {"refresh", ""}, {"retry-after", ""}, {"server", ""}, {"set-cookie", ""}, {"strict-transport-security", ""},
	{"transfer-encoding", ""}, {"user-agent", ""}, {"vary", ""}, {"via", ""}, {"www-authenticate", ""},
}
