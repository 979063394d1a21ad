package request_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/request"
)

// After a lone minus, a parser that continues would accept the rest of the text.
func TestJSONRefusesAFaultInsideAnyValue(t *testing.T) {
	for _, body := range []string{
		`-`, `"abc`, `"\u00`, `nul`, `tru`, `[-]`, `{"a":-}`, `{"a":[-]}`, `{"a":{"b":-}}`, `{:1}`, `{"a"1}`, `{"a"`, `{"a":1`, `[1`, `[1 2]`, `[1,`, `[1,]`,
		`{"role":-}`, `{"bool":-}`, `{"qint":-}`, `{"qint":"3`, `{"list":[-]}`, `{"list":[{"tag":-}]}`, `{"list":[{} {}]}`, `{"list":[{}`, `{"words":{"a":-}}`, `{"words":{"a":"b`,
		`{"any":[-]}`, `{"any":{"a":-}}`, `{"raw":[-]}`, `{"raw":-}`, `{"point":-}`, `{"byint":{"1":-}}`, `{"pair":[1,-]}`, `{"pair":[-]}`, `{"bytes":[-]}`, `{"number":-}`, `{"Euro":-}`,
	} {
		for _, d := range []request.Decoder{{}, {AllowUnknown: true}} {
			for _, v := range []any{new(zoo), new(any), new([]zoo), new(map[string]any)} {
				assert.Equal(t, 400, details(t, d.Unmarshal([]byte(body), v)).Status, "%s into %T", body, v)
			}
		}
	}
}

// The slice of the body has more capacity than the body. The bytes after it are not read.
func TestJSONReadsNothingBehindTheBody(t *testing.T) {
	for _, body := range []string{`true`, `"a"`, `"\u0061"`, `"\ud83d\ude00"`, `[1]`, `{"a":1}`, `12e3`, `null`} {
		for n := range len(body) {
			if body[:n] == "12" || body[:n] == "1" {
				continue // a number
			}
			assert.Equal(t, 400, details(t, request.Decoder{}.Unmarshal([]byte(body)[:n], new(any))).Status, "%d of %s", n, body)
			assert.Equal(t, 400, details(t, request.Decoder{}.Unmarshal([]byte(body)[:n:n], new(any))).Status, "%d of %s", n, body)
		}
		assert.NoError(t, request.Decoder{}.Unmarshal([]byte(body), new(any)), body)
	}
}

func TestJSONFindsMalformedTextAfterFaults(t *testing.T) {
	many := strings.Repeat(`{"x":1},`, problem.MaxFieldErrors+10)
	members := ""
	for i := range problem.MaxFieldErrors + 10 {
		members += `"x` + strings.Repeat("y", i) + `":1,`
	}
	for _, row := range []struct {
		body string
		into any
		want int
	}{
		{"[" + many + "{}]", new([]order), 422},
		{"[" + many + `{"x":-}]`, new([]order), 400},
		{"[" + many + `-]`, new([]order), 400},
		{"{" + members + `"item":"z"}`, new(order), 422},
		{"{" + members + `"item":-}`, new(order), 400},
		{"{" + members + `"item":"z"`, new(order), 400},
	} {
		assert.Equal(t, row.want, details(t, request.Decoder{}.Unmarshal([]byte(row.body), row.into)).Status, "%.20s ... %s", row.body, row.body[len(row.body)-10:])
	}
}

func TestJSONOfNoBodyIsA400WhateverItsType(t *testing.T) {
	for why, r := range map[string]*http.Request{
		"none":           {Method: "POST", ContentLength: -1},
		"http.NoBody":    {Method: "POST", Body: http.NoBody, ContentLength: -1},
		"of no length":   {Method: "POST", Body: io.NopCloser(strings.NewReader("{}"))},
		"empty, chunked": {Method: "POST", Body: io.NopCloser(strings.NewReader("")), ContentLength: -1, Header: http.Header{"Content-Type": {"application/json"}}},
	} {
		var v any
		d := details(t, request.Decoder{}.Decode(r, &v))
		assert.Equal(t, 400, d.Status, why)
		assert.Equal(t, "The body of the request is empty.", d.Detail, why)
	}
}

func TestPointerIsSentUpToItsBound(t *testing.T) {
	for _, row := range []struct {
		name int
		want string
	}{{510, ""}, {511, " (inside this value)"}, {512, " (inside this value)"}} {
		name := strings.Repeat("n", row.name)
		want := "#/" + name + " unknown member"
		if row.want != "" {
			want = "# unknown member" + row.want
		}
		assert.Equal(t, []string{want}, faults(t, request.Decoder{}.Unmarshal([]byte(`{"`+name+`":1}`), new(zoo))), "%d", row.name)
	}
	deep := `{"any":` + strings.Repeat(`{"`+strings.Repeat("n", 100)+`":`, 7) + `{"a":1,"a":2}` + strings.Repeat("}", 8)
	assert.Equal(t, []string{"#/any" + strings.Repeat("/"+strings.Repeat("n", 100), 5) + " duplicate member (inside this value)"},
		faults(t, request.Decoder{}.Unmarshal([]byte(deep), new(zoo))))
}

func TestJSONDoesNotTrustALengthThatIsDeclared(t *testing.T) {
	var v any
	for length, most := range map[int64]uint64{request.DefaultMaxBytes: 64 << 10, 2: 16 << 10, -1: 16 << 10, -1 << 40: 16 << 10} {
		r := post("{}")
		r.ContentLength = length
		assert.LessOrEqual(t, allocated(func() { assert.NoError(t, request.Decoder{}.Decode(r, &v)) }), most, "a length of %d", length)
	}
}
