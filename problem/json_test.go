package problem_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
)

// write encodes a problem, which must not lose an extension.
func write(t *testing.T, d *problem.Details) string {
	t.Helper()
	b, err := d.AppendJSON(nil)
	require.NoError(t, err)
	return string(b)
}

func TestAppendJSONWritesMembersInOrder(t *testing.T) {
	d := problem.New(403, problem.Detail("d"), problem.Title("t"), problem.Instance("/i"),
		problem.Extension("b", 1), problem.Extension("a", 2), problem.Extension("C", 3))
	d.Type = "https://example.com/p"
	assert.Equal(t, `{"type":"https://example.com/p","title":"t","status":403,"detail":"d","instance":"/i","C":3,"a":2,"b":1}`, write(t, d))
}

func TestAppendJSONAppends(t *testing.T) {
	b, err := problem.New(404, problem.Detail("")).AppendJSON([]byte("before"))
	require.NoError(t, err)
	assert.Equal(t, `before{"type":"about:blank","title":"Not Found","status":404}`, string(b))
}

func TestAppendJSONNeverWritesAnEmptyType(t *testing.T) {
	assert.Equal(t, `{"type":"about:blank"}`, write(t, &problem.Details{}), "no empty members, no empty reference")
}

func TestAppendJSONWritesOnlyAValidStatus(t *testing.T) {
	for _, status := range []int{100, 200, 204, 302, 404, 418, 499, 500, 599} {
		var doc struct{ Status int }
		require.NoError(t, json.Unmarshal([]byte(write(t, &problem.Details{Status: status})), &doc))
		assert.Equal(t, status, doc.Status, "any code is allowed: RFC 9457, section 1")
	}
	for _, status := range []int{-404, 0, 99, 600, 1000} {
		assert.NotContains(t, write(t, &problem.Details{Status: status}), "status", "%d", status)
	}
}

func TestAppendJSONWritesValidURIReferences(t *testing.T) {
	for _, tt := range []struct{ why, uri, want string }{
		{"absolute", "https://example.com/probs/a?b=c#d", "https://example.com/probs/a?b=c#d"},
		{"a tag", "tag:example@example.org,2021-09-17:OutOfLuck", "tag:example@example.org,2021-09-17:OutOfLuck"},
		{"a path", "/orders/1+1", "/orders/1+1"},
		{"space", "/orders/a b", "/orders/a%20b"},
		{"beyond ASCII", "/straße", "/stra%C3%9Fe"},
		{"no UTF-8", "/\xff", "/%FF"},
		{"control", "/a\r\nb\x00", "/a%0D%0Ab%00"},
		{"markup", `/<script>"\`, "/%3Cscript%3E%22%5C"},
		{"encoded already", "/%C3%9F%2f", "/%C3%9F%2f"},
		{"a percent sign alone", "/100%", "/100%25"},
		{"a percent sign with one digit", "/%a", "/%25a"},
		{"a percent sign and no digits", "/%zz", "/%25zz"},
		{"a second fragment", "/a#b#c", "/a#b%23c"},
		{"an address in brackets", "http://[2001:db8::1]:80/[a]", "http://[2001:db8::1]:80/%5Ba%5D"},
	} {
		d := problem.Details{Type: tt.uri, Instance: tt.uri}
		assert.Equal(t, `{"type":"`+tt.want+`","instance":"`+tt.want+`"}`, write(t, &d), tt.why)
		_, err := url.Parse(tt.want)
		assert.NoError(t, err, tt.why)
	}
}

func TestAppendJSONEscapesNothingForHTML(t *testing.T) {
	const markup = "<a href='x'>&\u2028</a>"
	d := problem.New(400, problem.Detail(markup), problem.Title(markup),
		problem.Extension("any", map[string]any{"a<b": []any{markup}}),
		problem.Extension("number", json.Number("1")),
		problem.Extension("raw", json.RawMessage(`"`+markup+`"`)),
		problem.Extension("self", plain(markup)),
		problem.Extension("text", markup),
		problem.Extension("within", []any{json.RawMessage(`"<>&"`), plain("<>&")}),
		problem.Extension("<name>", true))
	got := write(t, d)
	assert.Equal(t, 6, strings.Count(got, "<a href='x'>&"), got)
	assert.Contains(t, got, `"a<b":`)
	assert.Contains(t, got, `["<>&","<>&"]`)
	assert.Contains(t, got, `"<name>":true`)
	assert.NotContains(t, got, `\u003`)
	assert.True(t, json.Valid([]byte(got)))
}

// plain encodes itself as a JSON string without escaping.
type plain string

func (p plain) MarshalJSON() ([]byte, error) { return []byte(`"` + string(p) + `"`), nil }

func TestAppendJSONLeavesOutABadExtension(t *testing.T) {
	cycle := map[string]any{}
	cycle["self"] = cycle
	for _, tt := range []struct {
		why   string
		value any
	}{
		{"not a number", math.NaN()},
		{"infinite", math.Inf(1)},
		{"a channel", make(chan int)},
		{"a function", func() {}},
		{"a complex number", 1i},
		{"in itself", cycle},
		{"a panic", panicking{"secret"}},
		{"a panic deep inside", []any{map[string]any{"a": panicking{nil}}}},
		{"an error of MarshalJSON", fails{}},
		{"MarshalJSON writes no JSON", plain(`"`)},
		{"a number that is none", json.Number("1x")},
		{"raw, cut short", json.RawMessage(`{"a":`)},
		{"raw, two values", json.RawMessage(`1,"status":200`)},
		{"raw, closes the document", json.RawMessage(`1}`)},
		{"raw, empty", json.RawMessage{}},
		{"raw, blank", json.RawMessage(" ")},
		{"raw inside, cut short", []json.RawMessage{[]byte(`{`)}},
		{"an error, which would be {}", errors.New("secret")},
		{"an error with exported fields", &fs.PathError{Op: "open", Path: "/secret", Err: fs.ErrNotExist}},
		{"errors", []error{errors.New("secret")}},
		{"a text that cannot be marshalled", time.Time{}.AddDate(20000, 0, 0)},
	} {
		d := problem.New(409, problem.Detail("d"), problem.Extension("aaa", 1), problem.Extension("bad", tt.value), problem.Extension("ccc", 2))
		b, err := d.AppendJSON(nil)
		assert.Equal(t, `{"type":"about:blank","title":"Conflict","status":409,"detail":"d","aaa":1,"ccc":2}`, string(b), tt.why)
		e, ok := errors.AsType[*problem.ExtensionError](err)
		require.True(t, ok, "%s: %v", tt.why, err)
		assert.Equal(t, "bad", e.Name, tt.why)
		assert.Error(t, e.Unwrap(), tt.why)
	}
}

type panicking struct{ with any }

func (p panicking) MarshalJSON() ([]byte, error) { panic(p.with) }

type fails struct{}

func (fails) MarshalJSON() ([]byte, error) { return nil, errors.New("no") }

func TestAppendJSONNamesEveryExtensionItLeavesOut(t *testing.T) {
	d := problem.New(500, problem.Extension("b", make(chan int)), problem.Extension("a", math.NaN()), problem.Extension("status", 200))
	_, err := d.AppendJSON(nil)
	for _, name := range []string{`"a"`, `"b"`, `"status"`} {
		assert.ErrorContains(t, err, name)
	}
}

func TestAppendJSONReservesStandardNames(t *testing.T) {
	for _, name := range []string{"type", "title", "status", "detail", "instance", "", "a\xff"} {
		d := &problem.Details{Status: 404, Extensions: map[string]any{name: "418", "Status": 1}}
		b, err := d.AppendJSON(nil)
		assert.Equal(t, `{"type":"about:blank","status":404,"Status":1}`, string(b), name)
		e, ok := errors.AsType[*problem.ExtensionError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, name, e.Name)
	}
}

func TestAppendJSONWritesValuesAsEncodingJSONDoes(t *testing.T) {
	type row struct {
		A int      `json:"a"`
		B []string `json:"b,omitempty"`
	}
	for _, v := range []any{
		nil, "", "a\"\\\n\r\t\b\x00é\U0001f600", true, false, 0, -17, math.MaxInt, int8(3), uint64(math.MaxUint64), 1.5, 1e21, json.Number("9007199254740993"),
		[]int(nil), []int{}, []string(nil), []string{}, []string{"a", "é\""}, map[string]any{"b": 1, "a": nil}, row{1, nil}, &row{2, []string{"x"}}, time.Unix(0, 0).UTC(), (*row)(nil),
		json.RawMessage(nil), json.RawMessage("1.0"), []byte("abc"),
	} {
		want, err := json.Marshal(v)
		require.NoError(t, err)
		var doc map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(write(t, problem.New(400, problem.Extension("x", v)))), &doc))
		assert.Equal(t, string(want), string(doc["x"]), "%#v", v)
	}
}

func TestAppendJSONWritesValidUTF8Only(t *testing.T) {
	d := problem.New(400, problem.Detail("a\xffb"), problem.Title("\xc3"),
		problem.Extension("raw", json.RawMessage("\"\xff\"")), problem.Extension("self", plain("\xff")), problem.Extension("text", "\xff"))
	assert.Equal(t, `{"type":"about:blank","title":"`+`\ufffd`+`","status":400,"detail":"a\ufffdb","raw":"`+"\ufffd"+`","self":"`+"\ufffd"+`","text":"\ufffd"}`, write(t, d))
}

func TestMarshalJSONWritesTheSameDocument(t *testing.T) {
	d := problem.New(404, problem.Extension("x", 1), problem.Extension("bad", math.NaN()))
	want, _ := d.AppendJSON(nil)
	for _, v := range []any{d, *d} {
		got, err := json.Marshal(v)
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got))
	}
}

func TestAppendJSONChangesNothingAndMayRunAtOnce(t *testing.T) {
	d := &problem.Details{Extensions: map[string]any{"z": json.RawMessage(" 1"), "a": []problem.FieldError{{Detail: "x"}}}}
	first := write(t, d)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				b, err := d.AppendJSON(nil)
				if err != nil || string(b) != first {
					t.Errorf("AppendJSON = %q, %v", b, err)
				}
				_ = d.With(problem.Extension("b", 1), problem.Header("X", "y"), problem.Errors(problem.FieldError{}))
			}
		})
	}
	all.Wait()
	assert.Equal(t, &problem.Details{Extensions: map[string]any{"z": json.RawMessage(" 1"), "a": []problem.FieldError{{Detail: "x"}}}}, d)
}

func TestAppendJSONAllocatesNothingForWhatIsUsual(t *testing.T) {
	d := problem.New(403, problem.Detail("Your current balance is 30, but that costs 50."), problem.Instance("/account/12345/msgs/abc"),
		problem.Extension("balance", 30), problem.Extension("accounts", []string{"/account/12345", "/account/67890"}),
		problem.Errors(problem.FieldError{Detail: "must be positive", Pointer: "#/age"}))
	b := make([]byte, 0, 1024)
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = d.AppendJSON(b) }))
}

// RFC 3986, section 3.2.2: only the IP address of a host may be in brackets.
func TestBracketsAreOnlyInAHost(t *testing.T) {
	for instance, want := range map[string]string{
		"http://[2001:db8::1]:80/a[0]": "http://[2001:db8::1]:80/a%5B0%5D", "//[::1]": "//[::1]", "http://u:p@[::1]?[": "http://u:p@[::1]?%5B",
		"/a[0]//b": "/a%5B0%5D//b", "/a?x=//[1]": "/a?x=//%5B1%5D", "/a//[b]c": "/a//%5Bb%5Dc", "/a?[//]": "/a?%5B//%5D", "a[b]://c": "a%5Bb%5D://c",
		"http://a[b]/": "http://a%5Bb%5D/", "http://[::1]x/": "http://%5B::1%5Dx/", "urn:[a]": "urn:%5Ba%5D", "http://[[::1]]/": "http://[%5B::1%5D]/", "http://[": "http://%5B",
	} {
		doc, err := (&problem.Details{Status: 400, Instance: instance}).AppendJSON(nil)
		require.NoError(t, err)
		var got struct{ Instance string }
		require.NoError(t, json.Unmarshal(doc, &got))
		assert.Equal(t, want, got.Instance, instance)
	}
	assert.Panics(t, func() { problem.Define("/a?x=//[1]", "t", 400, "d") })
}
