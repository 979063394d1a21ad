package problem

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Pointer returns a JSON Pointer as a URI fragment (RFC 6901, section 6). The path
// consists of the names of members, as strings, and the indexes of array elements,
// as ints: Pointer("items", 0, "a/b") is "#/items/0/a~1b", and Pointer() is "#",
// which refers to the whole text. Values of other types are converted to strings by
// [fmt.Sprint].
func Pointer(path ...any) string { return boundedPointer(math.MaxInt, path) }

// boundedPointer returns a pointer of at most limit bytes. It leaves out the end of a
// longer path.
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

// PointerFromNamespace returns a pointer for a path as Go validators report it. The
// path begins with the name of the Go type that was validated, which is left out, and
// continues with the names in the JSON text: for "Order.items[0].sku" the pointer is
// "#/items/0/sku". Validators report these names if they are configured to use the
// json tags. A map key is in brackets too, and may contain dots.
//
// The pointer is wrong if the type is generic or has no name, if a struct is
// embedded, or if a key contains a closing bracket. [PointerTo], which also looks at
// the value, handles these cases.
func PointerFromNamespace(namespace string) string {
	_, path, _ := strings.Cut(namespace, ".")
	if i := strings.IndexByte(namespace, '['); i >= 0 && i < len(namespace)-len(path)-1 {
		path = namespace[i:] // the type is an array or a map
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

// appendToken appends one part of a pointer, escaped for JSON Pointer and for a URI
// fragment.
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
