package problem

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Pointer returns the JSON Pointer to a value inside a JSON text as a URI
// fragment (RFC 6901, section 6): Pointer("items", 0, "a/b") is "#/items/0/a~1b",
// and Pointer() is "#", the whole text. An element of the path is the name of a
// member or the index of an array's element; what is neither a string nor an
// int counts as what [fmt.Sprint] makes of it.
func Pointer(path ...any) string { return boundedPointer(math.MaxInt, path) }

// boundedPointer returns the pointer for as much of the path as fits into limit
// bytes.
func boundedPointer(limit int, path []any) string {
	b := make([]byte, 1, 32)
	b[0] = '#'
	for _, element := range path {
		start := len(b)
		b = append(b, '/')
		switch e := element.(type) {
		case string:
			if len(e) > limit {
				return string(b[:start])
			}
			b = appendToken(b, e)
		case int:
			b = strconv.AppendInt(b, int64(e), 10)
		default:
			b = appendToken(b, fmt.Sprint(e))
		}
		if len(b) > limit {
			return string(b[:start])
		}
	}
	return string(b)
}

// PointerFromNamespace returns the pointer for a path in the form that Go
// validators use, whose first part is the name of the Go type that was
// validated: "Order.items[0].sku" gives "#/items/0/sku". The parts have to be
// the names in the JSON text, which validators report once they are told to
// look at the json tags. A key of a map stands in brackets too; it may contain
// dots.
//
// A path alone does not tell everything, and the pointer is wrong where the type
// is generic or has no name, where a struct is embedded, and where a key has a
// closing bracket. [PointerTo] is given the value, and knows.
func PointerFromNamespace(namespace string) string {
	_, path, _ := strings.Cut(namespace, ".")
	if i := strings.IndexByte(namespace, '['); i >= 0 && i < len(namespace)-len(path)-1 {
		path = namespace[i:] // the type is an array or a map itself
	}
	b := []byte{'#'}
	for path != "" {
		var part string
		if path[0] == '[' {
			part, path, _ = strings.Cut(path[1:], "]")
			path = strings.TrimPrefix(path, ".")
		} else if i := strings.IndexAny(path, ".["); i < 0 {
			part, path = path, ""
		} else {
			part, path = path[:i], strings.TrimPrefix(path[i:], ".")
		}
		b = append(b, '/')
		b = appendToken(b, part)
	}
	return string(b)
}

// appendToken appends one part of a pointer, escaped for the pointer and for
// the fragment around it.
func appendToken(b []byte, token string) []byte {
	for i := range len(token) {
		switch c := token[i]; {
		case c == '~':
			b = append(b, "~0"...)
		case c == '/':
			b = append(b, "~1"...)
		case uriByte(c):
			b = append(b, c)
		default:
			b = appendPercent(b, c)
		}
	}
	return b
}
