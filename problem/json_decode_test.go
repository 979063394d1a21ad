package problem_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
)

// read decodes a document, which has to be well-formed.
func read(t *testing.T, doc string) *problem.Details {
	t.Helper()
	d := new(problem.Details)
	require.NoError(t, d.UnmarshalJSON([]byte(doc)), "%s", doc)
	return d
}

func TestUnmarshalJSONIgnoresWrongTypes(t *testing.T) {
	for _, tt := range []struct{ why, doc string }{
		{"a number is no type", `{"type":7,"x":1}`},
		{"an object is no type", `{"type":{"a":"b"},"x":1}`},
		{"null is no title", `{"title":null,"x":1}`},
		{"an object is no detail", `{"detail":{},"x":1}`},
		{"an array is no detail", `{"detail":["a"],"x":1}`},
		{"a truth is no instance", `{"instance":true,"x":1}`},
		{"a string is no status", `{"status":"404","x":1}`},
		{"null is no status", `{"status":null,"x":1}`},
		{"nor is an array", `{"status":[404],"x":1}`},
		{"a fraction", `{"status":404.5,"x":1}`},
		{"negative", `{"status":-1,"x":1}`},
		{"negative, though three digits", `{"status":-404,"x":1}`},
		{"too large", `{"status":1e9,"x":1}`},
		{"too large for any number type", `{"status":1e999999999,"x":1}`},
		{"too small for any number type", `{"status":1e-999999999,"x":1}`},
		{"zero", `{"status":0,"x":1}`},
		{"below the codes", `{"status":99,"x":1}`},
		{"above the codes", `{"status":600,"x":1}`},
	} {
		d := read(t, tt.doc)
		assert.Equal(t, map[string]any{"x": json.RawMessage("1")}, d.Extensions, "%s: %s", tt.why, tt.doc)
		assert.Empty(t, d.Type+d.Title+d.Detail+d.Instance, "%s: %s", tt.why, tt.doc)
		assert.Zero(t, d.Status, "%s: %s", tt.why, tt.doc)
	}
}

func TestUnmarshalJSONKeepsMembersBesideABadOne(t *testing.T) {
	d := read(t, `{"status":"404","type":7,"title":"Not Found","detail":{},"instance":"/a","errors":"none"}`)
	assert.Equal(t, "Not Found", d.Title)
	assert.Equal(t, "/a", d.Instance)
	assert.Equal(t, map[string]any{"errors": json.RawMessage(`"none"`)}, d.Extensions, "a foreign shape of errors")
}

func TestUnmarshalJSONReadsAStatusInAnyNotation(t *testing.T) {
	for _, number := range []string{"404", "404.0", "4.04e2", "4.04E+2", "40400e-2", "404.000"} {
		assert.Equal(t, 404, read(t, `{"status":`+number+`}`).Status, number)
	}
	assert.Equal(t, 404, read(t, `{"status":404}`).StatedStatus())
	assert.Equal(t, 100, read(t, `{"status":100}`).Status, "the lowest")
	assert.Equal(t, 599, read(t, `{"status":599}`).Status, "the highest")
}

func TestUnmarshalJSONIsCaseSensitive(t *testing.T) {
	d := read(t, `{"Status":404,"TYPE":"x","Title":"y","type ":"z"}`)
	assert.Zero(t, d.Status)
	assert.Empty(t, d.Type+d.Title)
	assert.Len(t, d.Extensions, 4)
}

func TestUnmarshalJSONDecodesEscapedNames(t *testing.T) {
	d := read(t, `{"\u0073tatus":404,"t\u0069tle":"Not Found","\u00e4\n":1}`)
	assert.Equal(t, 404, d.Status)
	assert.Equal(t, "Not Found", d.Title)
	assert.Equal(t, map[string]any{"ä\n": json.RawMessage("1")}, d.Extensions)
}

func TestUnmarshalJSONUsesTheLastRepeatedMember(t *testing.T) {
	d := read(t, `{"title":"a","x":1,"status":404,"title":"b","x":2,"status":409}`)
	assert.Equal(t, "b", d.Title)
	assert.Equal(t, 409, d.Status)
	assert.Equal(t, json.RawMessage("2"), d.Extensions["x"])

	d = read(t, `{"title":"a","status":404,"title":null,"status":"x"}`)
	assert.Equal(t, "a", d.Title, "one that is ignored counts as absent")
	assert.Equal(t, 404, d.Status)
}

func TestUnmarshalJSONLosesNothingOfAnExtension(t *testing.T) {
	for _, value := range []string{
		"9007199254740993", "1.0", "1e400", "-0", "0.1000000000000000000000000000001", "1E+2",
		`{"b":1,"a":2,"b":3}`, `{ "b" : [ 1 , 2 ] }`, "[\n1\n]", `"\u003c\/\ud83d"`, `"<&>"`, "null", "true", `""`, `{}`, `[]`,
	} {
		doc := `{"type":"about:blank","x":` + value + `}`
		d := read(t, doc)
		assert.Equal(t, json.RawMessage(value), d.Extensions["x"])
		back, err := d.AppendJSON(nil)
		require.NoError(t, err)
		assert.Equal(t, doc, string(back))
	}
}

func TestUnmarshalJSONRepairsUTF8OfMembersOnly(t *testing.T) {
	d := read(t, "{\"title\":\"a\xffb\",\"x\xff\":\"c\xff\",\"detail\":\"\\ud800\"}")
	assert.Equal(t, "a\ufffdb", d.Title)
	assert.Equal(t, "\ufffd", d.Detail, "half a surrogate pair")
	assert.Equal(t, map[string]any{"x\ufffd": json.RawMessage("\"c\xff\"")}, d.Extensions)
}

func TestUnmarshalJSONRefusesNonObjects(t *testing.T) {
	for _, doc := range []string{
		"", " ", "null", "true", "7", `"a"`, "[]", `[{"title":"a"}]`, `{`, `{"title":"a"`, `{"title":"a"}}`, `{"title":"a"},`,
		`{"title"}`, `{title:"a"}`, `{'title':'a'}`, `{"title":"a",}`, `{"title":"a" "b":1}`, "\ufeff{}", `{"status":0404}`, `{"status":+1}`,
		`{"x":NaN}`, "{\"title\":\"a\nb\"}", `{"title":"\u12"}`, `<html>`,
	} {
		d := problem.Details{Title: "before", Extensions: map[string]any{"x": 1}}
		err := d.UnmarshalJSON([]byte(doc))
		require.ErrorIs(t, err, problem.ErrMalformed, "%q", doc)
		assert.Equal(t, problem.Details{Title: "before", Extensions: map[string]any{"x": 1}}, d, "unchanged after %q", doc)
	}
}

func TestUnmarshalJSONBoundsSizeAndDepth(t *testing.T) {
	nested := func(depth int) string { // the document itself is the first level
		return `{"x":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`
	}
	read(t, nested(problem.MaxDepth))
	var d problem.Details
	require.ErrorIs(t, d.UnmarshalJSON([]byte(nested(problem.MaxDepth+1))), problem.ErrMalformed)
	require.ErrorIs(t, d.UnmarshalJSON([]byte(`{"x":`+strings.Repeat(`{"a":`, 1<<15))), problem.ErrMalformed)
	read(t, `{"x":`+strings.Repeat(`[[],`, 60)+`1`+strings.Repeat(`]`, 60)+`}`)

	sized := func(size int) []byte { return []byte(`{"x":"` + strings.Repeat("a", size-8) + `"}`) }
	require.NoError(t, d.UnmarshalJSON(sized(problem.MaxSize)))
	require.ErrorIs(t, d.UnmarshalJSON(sized(problem.MaxSize+1)), problem.ErrMalformed)
}

func TestUnmarshalJSONKeepsHeaderAndCause(t *testing.T) {
	cause := errors.New("cause")
	d := problem.New(503, problem.Extension("x", 1), problem.Instance("/a"), problem.Cause(cause), problem.Header("Retry-After", "1"))
	require.NoError(t, json.Unmarshal([]byte(`{"title":"b"}`), d))
	assert.Equal(t, "b", d.Title)
	assert.Empty(t, d.Type+d.Detail+d.Instance)
	assert.Zero(t, d.Status)
	assert.Nil(t, d.Extensions)
	assert.Equal(t, http.Header{"Retry-After": {"1"}}, d.Header)
	assert.ErrorIs(t, d, cause)
	assert.True(t, d.IsRemote())
}

func TestUnmarshalJSONCopiesItsInput(t *testing.T) {
	doc := []byte(`{"title":"abc","x":"abc","y":1}`)
	d := new(problem.Details)
	require.NoError(t, d.UnmarshalJSON(doc))
	for i := range doc {
		doc[i] = '#'
	}
	assert.Equal(t, "abc", d.Title)
	assert.Equal(t, json.RawMessage(`"abc"`), d.Extensions["x"])
	_ = append(d.Extensions["x"].(json.RawMessage), "######"...)
	assert.Equal(t, json.RawMessage(`1`), d.Extensions["y"], "appending to one extension leaves the next alone")
}

func TestUnmarshalJSONReadsTheExamplesOfTheRFC(t *testing.T) {
	doc, err := os.ReadFile("testdata/rfc9457/rfc9457-s3-2.json")
	require.NoError(t, err)
	var d problem.Details // through encoding/json, by value: no zero problem with a nil error
	require.NoError(t, json.Unmarshal(doc, &d))
	assert.Equal(t, "https://example.com/probs/out-of-credit", d.Type)
	assert.Equal(t, "You do not have enough credit.", d.Title)
	assert.Equal(t, "Your current balance is 30, but that costs 50.", d.Detail)
	assert.Equal(t, "/account/12345/msgs/abc", d.Instance)
	assert.Equal(t, json.RawMessage("30"), d.Extensions["balance"])
	assert.JSONEq(t, `["/account/12345","/account/67890"]`, string(d.Extensions["accounts"].(json.RawMessage)))
	assert.Zero(t, d.Status)
}
