package request_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/request"
	"github.com/rejoinder-go/rejoinder/respond"
)

type base struct {
	ID int `json:"id"`
}

type order struct {
	base
	Item     string            `json:"item"`
	Quantity int8              `json:"quantity"`
	Price    *float64          `json:"price,omitempty"`
	Due      time.Time         `json:"due"`
	Lines    []line            `json:"lines"`
	Labels   map[string]string `json:"labels"`
	Raw      json.RawMessage   `json:"raw"`
	Any      any               `json:"any"`
	Blob     []byte            `json:"blob"`
	Count    uint8             `json:",string"`
	Ignored  string            `json:"-"`
	hidden   string
}

type line struct {
	SKU   string `json:"sku"`
	Inner *line  `json:"inner"`
}

func post(body string, fields ...string) *http.Request {
	r := httptest.NewRequest("POST", "/orders", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	return r
}

func details(t *testing.T, err error) *problem.Details {
	t.Helper()
	var d *problem.Details
	require.ErrorAs(t, err, &d)
	return d
}

func TestJSONDecodesValidBodies(t *testing.T) {
	o, err := request.JSON[order](post(` {"id":7,"item":"té\u0061","quantity":-128,"price":1.5e2,"due":"2026-03-01T12:00:00Z",
		"lines":[{"sku":"a","inner":{"sku":"b"}},{}],"labels":{"x":"y"},"raw":{"a":[1]},"any":[{"b":null}],"blob":"AAE=","Count":"3"} `))
	require.NoError(t, err)
	assert.Equal(t, 7, o.ID)
	assert.Equal(t, "téa", o.Item)
	assert.Equal(t, int8(-128), o.Quantity)
	assert.Equal(t, 150.0, *o.Price)
	assert.Equal(t, "b", o.Lines[0].Inner.SKU)
	assert.Equal(t, `{"a":[1]}`, string(o.Raw))
	assert.Equal(t, []byte{0, 1}, o.Blob)
	assert.Equal(t, uint8(3), o.Count)
	assert.Empty(t, o.hidden)

	for _, body := range []string{"{}", "null", `{"item":null,"lines":null,"price":null,"due":null}`} {
		o, err := request.JSON[order](post(body))
		assert.NoError(t, err, body)
		assert.Equal(t, order{}, o, body)
	}
	_, err = request.JSON[order](post(`{"any":{"item":1},"item":"x","lines":[{"sku":"a"},{"sku":"b"}]}`))
	assert.NoError(t, err, "the same name in another object")
	n, err := request.JSON[map[string]int](post(`{"a":1}`))
	assert.NoError(t, err)
	assert.Equal(t, map[string]int{"a": 1}, n)
}

type Shadowing struct {
	base
	*Shadowing
	ID string `json:"id"`
}

func TestJSONPrefersTheOuterOfTwoMembers(t *testing.T) {
	v, err := request.JSON[Shadowing](post(`{"id":"x"}`))
	assert.NoError(t, err)
	assert.Equal(t, "x", v.ID)
	_, err = request.JSON[Shadowing](post(`{"id":7}`))
	assert.Equal(t, 422, details(t, err).Status)
}

func TestJSONReportsEachFaultAndItsPlace(t *testing.T) {
	for _, c := range []struct {
		body, want string // "pointer detail" of each, separated by |
	}{
		{`{"itm":"x"}`, "#/itm unknown member"},
		{`{"Item":"x"}`, "#/Item unknown member"},
		{`{"hidden":"x","Ignored":1,"base":{}}`, "#/hidden unknown member|#/Ignored unknown member|#/base unknown member"},
		{`{"item":"x","item":"y"}`, "#/item duplicate member"},
		{`{"item":"x","\u0069tem":"y"}`, "#/item duplicate member"},
		{`{"any":{"a":1,"a":2}}`, "#/any/a duplicate member"},
		{`{"raw":[{"a":1,"a":2}]}`, "#/raw/0/a duplicate member"},
		{`{"labels":{"a":"1","b":2,"a":"3"}}`, "#/labels/b must be a string|#/labels/a duplicate member"},
		{`{"item":7,"quantity":"7"}`, "#/item must be a string|#/quantity must be a whole number"},
		{`{"quantity":128}`, "#/quantity must be a whole number in the supported range"},
		{`{"quantity":1.5}`, "#/quantity must be a whole number in the supported range"},
		{`{"quantity":true}`, "#/quantity must be a whole number"},
		{`{"quantity":{"sku":1}}`, "#/quantity must be a whole number"},
		{`{"price":"1"}`, "#/price must be a number"},
		{`{"price":1e999}`, "#/price must be a number in the supported range"},
		{`{"lines":{"sku":1}}`, "#/lines must be an array"},
		{`{"lines":[{},[]]}`, "#/lines/1 must be an object"},
		{`{"lines":[{"sku":1},{"inner":{"sku":"x","x/y":1}}]}`, "#/lines/0/sku must be a string|#/lines/1/inner/x~1y unknown member"},
		{`{"due":"tomorrow"}`, "#/due invalid value"},
		{`{"due":7}`, "#/due invalid value"},
		{`{"blob":"!"}`, "#/blob must be a string in base64"},
		{`[]`, "# must be an object"},
		{`"x"`, "# must be an object"},
	} {
		_, err := request.JSON[order](post(c.body))
		d := details(t, err)
		assert.Equal(t, 422, d.Status, c.body)
		faults, _ := d.Extensions["errors"].([]problem.FieldError)
		var got []string
		for _, f := range faults {
			got = append(got, f.Pointer+" "+f.Detail)
		}
		assert.Equal(t, c.want, strings.Join(got, "|"), c.body)
	}
}

func TestJSONRefusesBodiesThatAreNotJSON(t *testing.T) {
	for _, c := range []struct {
		body   string
		fields []string
		want   int
		reason string
	}{
		{"", nil, 400, "nothing"},
		{"  ", nil, 400, "white space"},
		{"{", nil, 400, "cut off"},
		{`{"item":"x"`, nil, 400, "cut off"},
		{`{"item":"x"} {}`, nil, 400, "something behind it"},
		{`{"item":"x"}}`, nil, 400, "something behind it"},
		{`{'item':"x"}`, nil, 400, "no JSON"},
		{`{"item":"x",}`, nil, 400, "no JSON"},
		{"{\"item\":\"\xff\"}", nil, 400, "no UTF-8"},
		{"\ufeff{}", nil, 400, "a byte order mark"},
		{`{"any":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, nil, 400, "too deep"},
		{strings.Repeat("[", 1<<19), nil, 400, "much too deep"},
		{`{"item":"` + strings.Repeat("x", 1<<20) + `"}`, nil, 413, "too large"},
		{"{}", []string{"Content-Type", "text/plain"}, 415, "another type"},
		{"{}", []string{"Content-Type", ""}, 415, "no type"},
		{"{}", []string{"Content-Type", "application/json;;"}, 415, "a broken type"},
		{"{}", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "a form"},
		{"{}", []string{"Content-Type", "application/json; charset=latin1"}, 415, "another charset"},
		{"{}", []string{"Content-Encoding", "gzip"}, 415, "compressed"},
		{"{}", []string{"Content-Type", "Application/JSON; Charset=UTF-8"}, 0, "the same in another way"},
		{"{}", []string{"Content-Type", "application/merge-patch+json"}, 0, "a kind of JSON"},
		{"{}", []string{"Content-Encoding", "identity"}, 0, "not compressed"},
		{`{"any":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`, nil, 0, "just not too deep"},
	} {
		_, err := request.JSON[order](post(c.body, c.fields...))
		if c.want == 0 {
			assert.NoError(t, err, c.reason)
			continue
		}
		d := details(t, err)
		assert.Equal(t, c.want, d.Status, c.reason)
		if c.want == 415 {
			assert.NotEmpty(t, d.Header.Get("Accept")+d.Header.Get("Accept-Encoding"), "it says what would do: %s", c.reason)
		}
	}
	r := post("")
	r.Body = nil
	_, err := request.JSON[order](r)
	assert.Equal(t, 400, details(t, err).Status)
}

func TestJSONNamesTheMediaTypeForQUERY(t *testing.T) {
	r := post("{}", "Content-Type", "text/plain")
	r.Method = "QUERY"
	_, err := request.JSON[order](r)
	assert.Equal(t, 415, details(t, err).Status)
	assert.Equal(t, "application/json", details(t, err).Header.Get("Accept-Query"))
	_, err = request.JSON[order](post("{}", "Content-Type", "text/plain"))
	assert.Empty(t, details(t, err).Header.Get("Accept-Query"), "not for a POST")
}

func TestJSONReadsNoMoreThanMaxBytes(t *testing.T) {
	src := &counting{}
	r := httptest.NewRequest("POST", "/", src) // of unknown length
	r.Header.Set("Content-Type", "application/json")
	_, err := request.JSON[string](r)
	assert.Equal(t, 413, details(t, err).Status)
	assert.LessOrEqual(t, src.n, int64(request.DefaultMaxBytes+64<<10))

	r = post(`"` + strings.Repeat("x", 2<<20) + `"`)
	r.Body = io.NopCloser(iotestErr{t})
	_, err = request.JSON[string](r)
	assert.Equal(t, 413, details(t, err).Status, "refused by its length, without reading")
}

// counting is an endless JSON string that counts the bytes read.
type counting struct{ n int64 }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	if c.n == 0 && len(p) > 0 {
		p[0] = '"'
	}
	c.n += int64(len(p))
	return len(p), nil
}

type iotestErr struct{ t *testing.T }

func (e iotestErr) Read([]byte) (int, error) { e.t.Error("read"); return 0, io.EOF }

func TestJSONReportsOuterLimitsAndTimeouts(t *testing.T) {
	r := post(`{"item":"xxxxxxxx"}`)
	r.Body = http.MaxBytesReader(nil, r.Body, 5)
	_, err := request.JSON[order](r)
	assert.Equal(t, 413, details(t, err).Status)

	for _, c := range []struct {
		err  error
		want int
	}{{os.ErrDeadlineExceeded, 408}, {io.ErrUnexpectedEOF, 400}, {errors.New("broken pipe"), 400}} {
		r := post("{}")
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), failing{c.err}))
		_, err := request.JSON[order](r)
		assert.Equal(t, c.want, details(t, err).Status, c.err)
		assert.NotContains(t, details(t, err).Detail, "pipe")
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestDecoderHasSettings(t *testing.T) {
	var o order
	assert.NoError(t, request.Decoder{AllowUnknown: true}.Decode(post(`{"new":{"a":1},"item":"x"}`), &o))
	assert.Equal(t, "x", o.Item)
	assert.Equal(t, 422, details(t, request.Decoder{AllowUnknown: true}.Decode(post(`{"a":1,"a":2}`), &o)).Status, "unknown members must not be repeated either")
	assert.Equal(t, 413, details(t, request.Decoder{MaxBytes: 4}.Decode(post(`{"a":1}`), &o)).Status)
	assert.Equal(t, 400, details(t, request.Decoder{MaxDepth: 1}.Decode(post(`{"any":[]}`), &o)).Status)
	assert.NoError(t, request.Decoder{MaxDepth: 2}.Decode(post(`{"any":[]}`), &o))
}

func TestJSONListsABoundedNumberOfFaults(t *testing.T) {
	_, err := request.JSON[[]order](post("[" + strings.Repeat(`{"x":1},`, 5000) + "{}]"))
	faults, _ := details(t, err).Extensions["errors"].([]problem.FieldError)
	assert.Len(t, faults, problem.MaxFieldErrors)
}

func TestJSONFindsARepeatedNameAmongMany(t *testing.T) {
	var b strings.Builder
	for i := range 100 {
		b.WriteString(`"k` + strings.Repeat("x", i) + `":"",`)
	}
	_, err := request.JSON[map[string]string](post("{" + b.String() + `"last":""}`))
	assert.NoError(t, err)
	for _, again := range []string{"k", "k" + strings.Repeat("x", 16), "k" + strings.Repeat("x", 99)} {
		_, err = request.JSON[map[string]string](post("{" + b.String() + `"` + again + `":""}`))
		assert.Equal(t, []problem.FieldError{{Detail: "duplicate member", Pointer: "#/" + again, Code: problem.CodeDuplicate}}, details(t, err).Extensions["errors"])
	}
}

func TestJSONThroughAServer(t *testing.T) {
	srv := httptest.NewServer(respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		o, err := request.JSON[order](r)
		if err != nil {
			return err
		}
		respond.Created(w, "/orders/7", o.Item)
		return nil
	}))
	defer srv.Close()
	send := func(body, mediaType string) (*http.Response, string) {
		res, err := http.Post(srv.URL, mediaType, strings.NewReader(body))
		require.NoError(t, err)
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		return res, string(text)
	}
	res, body := send(`{"item":"tea"}`, "application/json")
	assert.Equal(t, 201, res.StatusCode)
	assert.Equal(t, "\"tea\"\n", body)
	res, body = send(`{"item":7,"extra":1}`, "application/json")
	assert.Equal(t, 422, res.StatusCode)
	assert.Contains(t, body, `"errors":[{"detail":"must be a string","pointer":"#/item","code":"type"},{"detail":"unknown member","pointer":"#/extra","code":"unknown"}]`)
	res, _ = send("{}", "text/plain")
	assert.Equal(t, 415, res.StatusCode)
	assert.Equal(t, "application/json", res.Header.Get("Accept"))
}

// A fault in the response of another server is not the client's, and its text is not for the client.
func TestJSONOfAnotherServerIsA500(t *testing.T) {
	for _, body := range []string{`{"secret_member":1}`, `{"item":{"secret_member":1}}`, `{"item":secret`, ``, `{"quantity":"secret"}`} {
		upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, body) }))
		srv := httptest.NewServer(respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
			res, err := http.Get(upstream.URL)
			if err != nil {
				return err
			}
			defer res.Body.Close()
			dec := json.NewDecoder(res.Body)
			dec.DisallowUnknownFields()
			return dec.Decode(new(order))
		}))
		for _, method := range []string{"GET", "POST"} {
			r, err := http.NewRequest(method, srv.URL, strings.NewReader("{}"))
			require.NoError(t, err)
			res, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			text, _ := io.ReadAll(res.Body)
			res.Body.Close()
			assert.Equal(t, 500, res.StatusCode, "%s for %s", method, body)
			assert.NotContains(t, string(text), "secret", body)
			assert.NotContains(t, string(text), "errors", body)
		}
		srv.Close()
		upstream.Close()
	}
}

// FuzzJSON has encoding/json as its oracle: in strict mode it decodes every accepted text to the same
// value.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"id":7,"lines":[{"sku":"a"}],"any":{"a":[1,2.5e1,null,true]}}`, `{"item":"\u0061\\\""}`, `{"a":1,"a":2}`, `[[[]]]`, `"x"`,
		`{"quantity":300}`, `{"Count":"3"}`, "{\"item\"\n:\t\"x\" , \"quantity\" : 1 }", `{"due":{}}`, `{"labels":{"a":{}}}`, `nul`, `-`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got, err := request.JSON[order](post(body))
		if err != nil {
			d := details(t, err)
			assert.Contains(t, []int{400, 413, 422}, d.Status)
			return
		}
		var want order
		dec := json.NewDecoder(strings.NewReader(body))
		dec.DisallowUnknownFields()
		require.NoError(t, dec.Decode(&want))
		assert.Equal(t, want, got)
	})
}
