package request_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/request"
)

// many is an array, or an object whose names differ, of n values.
func many(brackets string, n int, value string) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		if brackets == "{}" {
			fmt.Fprintf(&b, `"%d":`, i)
		}
		b.WriteString(value)
	}
	return brackets[:1] + b.String() + brackets[1:]
}

// The factors leave room for what encoding/json allocates, which is most of it.
func TestJSONAllocatesInProportionToTheBody(t *testing.T) {
	type wide struct{ A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P int }
	for _, row := range []struct {
		name, body string
		into       any
		most       float64 // bytes for each byte of the body
	}{
		{"structs in a map", many("{}", 5000, `{}`), new(map[string]wide), 100},
		{"lists of structs", many("[]", 20_000, `[]`), new([][]wide), 200},
		{"objects of one member", many("[]", 10_000, `{"a":1}`), new(any), 150},
		{"unknown members", many("[]", 10_000, `{"a":1}`), new([]wide), 2},
		{"white space", strings.Repeat(" ", 100_000) + "1", new(int), 0.5},
		{"base64", `"` + strings.Repeat("AAAA", 25_000) + `"`, new([]byte), 4},
	} {
		t.Run(row.name, func(t *testing.T) {
			_ = request.Decoder{}.Unmarshal([]byte(row.body), row.into) // what is made once
			text := []byte(row.body)
			got := allocated(func() { _ = request.Decoder{}.Unmarshal(text, row.into) })
			assert.Less(t, float64(got)/float64(len(text)), row.most)
		})
	}
}

// countedReads counts the calls of Read.
type countedReads struct {
	io.Reader
	calls int
}

func (c *countedReads) Read(p []byte) (int, error) {
	c.calls++
	return c.Reader.Read(p)
}

// A buffer that is too small is copied, and the connection is asked again.
func TestJSONReadsAShortBodyAtOnce(t *testing.T) {
	r := post(strings.Repeat(" ", 16_000) + "1")
	body := &countedReads{Reader: r.Body}
	r.Body = io.NopCloser(body)
	v, err := request.JSON[int](r)
	assert.NoError(t, err)
	assert.Equal(t, 1, v)
	assert.LessOrEqual(t, body.calls, 2, "the body and its end")
}

// refusals counts the calls of UnmarshalText.
var refusals int

type refusing string

func (*refusing) UnmarshalText([]byte) error {
	refusals++
	return errors.New("no")
}

func TestJSONDecodesNothingAfterTheLastFault(t *testing.T) {
	for _, row := range []struct {
		name, body string
		into       any
	}{
		{"elements", many("[]", 1000, `"x"`), new([]refusing)},
		{"members", many("{}", 1000, `"x"`), new(map[string]refusing)},
		{"names", many("{}", 1000, `1`), new(map[refusing]int)},
		{"nested", many("[]", 1000, many("[]", 3, `"x"`)), new([][]refusing)},
	} {
		t.Run(row.name, func(t *testing.T) {
			refusals = 0
			assert.Len(t, faults(t, request.Decoder{}.Unmarshal([]byte(row.body), row.into)), problem.MaxFieldErrors)
			assert.Equal(t, problem.MaxFieldErrors, refusals)
		})
	}
}
