package problem_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rejoinder-go/rejoinder/problem"
)

type (
	cartBase struct {
		ID int `json:"id"`
	}
	cartLine struct {
		SKU string `json:"sku"`
	}
	cartPage[T any] struct {
		Items []T               `json:"items"`
		ByKey map[string]T      `json:"m"`
		Keys  map[string]string `json:"k"`
	}
	cartNamed struct {
		cartBase `json:"base"`
	}
	Cart struct {
		cartBase
		*Cart
		Lines  []cartLine          `json:"lines"`
		P      *cartPage[cartLine] `json:"p"`
		Nest   struct{ X int }     `json:"nest"`
		NoTag  int
		Secret int `json:"-"`
		//lint:ignore SA5008 encoding/json names it "-"
		Dash   int                  `json:"-,"`
		Named  cartNamed            `json:"named"`
		Grid   [][]cartLine         `json:"g,omitempty"`
		ByInt  map[int]cartLine     `json:"mi"`
		ByTime map[time.Time]string `json:"mt"`
		Any    any                  `json:"i"`
		Odd    int                  `json:"a/b~c"`
		hidden int
	}
)

// The paths are those that go-playground/validator v10.30 reports, as StructNamespace and,
// after RegisterTagNameFunc, as Namespace.
func TestPointerToFollowsTheValue(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	cart := Cart{
		Lines: make([]cartLine, 2), Grid: [][]cartLine{{{}}}, Any: &cartLine{},
		P:      &cartPage[cartLine]{Items: make([]cartLine, 1), ByKey: map[string]cartLine{"a.b]c": {}, "a.b": {}}, Keys: map[string]string{"x": ""}},
		ByInt:  map[int]cartLine{-3: {}},
		ByTime: map[time.Time]string{noon: ""},
	}
	for _, c := range []struct {
		value       any
		path, names string // as StructNamespace, and as Namespace where that is another
		want        string
	}{
		{cart, "Cart.Lines[1].SKU", "Cart.lines[1].sku", "#/lines/1/sku"},
		{&cart, "Cart.cartBase.ID", "Cart.cartBase.id", "#/id"},
		{&cart, "Cart.Cart.Cart.NoTag", "", "#"}, // the outer NoTag has the name
		{cart, "Cart.P.Items[0].SKU", "Cart.p.items[0].sku", "#/p/items/0/sku"},
		{cart, "Cart.P.ByKey[a.b]c].SKU", "Cart.p.m[a.b]c].sku", "#/p/m/a.b%5Dc/sku"},
		{cart, "Cart.P.ByKey[a.b].SKU", "Cart.p.m[a.b].sku", "#/p/m/a.b/sku"},
		{cart, "Cart.P.Keys[x]", "Cart.p.k[x]", "#/p/k/x"},
		{cart, "Cart.Nest.X", "Cart.nest.X", "#/nest/X"},
		{cart, "Cart.Named.cartBase.ID", "Cart.named.base.id", "#/named/base/id"},
		{cart, "Cart.Grid[0][0].SKU", "Cart.g[0][0].sku", "#/g/0/0/sku"},
		{cart, "Cart.ByInt[-3].SKU", "Cart.mi[-3].sku", "#/mi/-3/sku"},
		{cart, "Cart.ByTime[" + noon.String() + "]", "", "#/mt/2026-01-01T12:00:00Z"},
		{cart, "Cart.Any.SKU", "Cart.i.sku", "#/i/sku"},
		{cart, "Cart.Odd", "Cart.a/b~c", "#/a~1b~0c"},
		{cart, "Cart.Dash", "", "#/-"},
		{cart, "Cart.Secret", "", "#"},
		{Cart{hidden: 1}, "Cart.hidden", "", "#"},
		{cart, "Cart.Nowhere.X", "", "#"},
		{cart, "Cart.Lines[x].SKU", "", "#/lines"},
		{cart, "Cart.Lines[9].SKU", "", "#/lines/9/sku"},
		{cart, "Cart.ByInt[7].SKU", "", "#/mi"},
		{cart, "Cart.P.Items.SKU", "", "#/p/items"},
		{cart, "Cart", "", "#"},
		{cart, "", "", "#"},
		{Cart{}, "Cart.P.Items[0].SKU", "", "#/p/items/0/sku"},
		// types with parameters, and without a name
		{cartPage[cartLine]{Items: make([]cartLine, 1)}, "cartPage[github.com/rejoinder-go/rejoinder/problem_test.cartLine].Items[0].SKU", "", "#/items/0/sku"},
		{&cartPage[cartPage[cartLine]]{}, "Items[0].Items[1].SKU", "items[0].items[1].sku", "#/items/0/items/1/sku"},
		{struct {
			A []cartLine `json:"a"`
		}{}, "A[0].SKU", "a[0].sku", "#/a/0/sku"},
		{[]cartLine{{}}, "[0].SKU", "[0].sku", "#/0/sku"},
		{map[string]cartLine{"a": {}}, "[a].SKU", "[a].sku", "#/a/sku"},
		{nil, "A", "", "#"},
		{7, "A[0]", "", "#"},
	} {
		assert.Equal(t, c.want, problem.PointerTo(c.value, c.path), c.path)
		if c.names != "" {
			assert.Equal(t, c.want, problem.PointerTo(c.value, c.names), c.names)
		}
	}
}

func FuzzPointerTo(f *testing.F) {
	for _, s := range []string{"Cart.Lines[0].SKU", "Cart.P.ByKey[a].SKU", "[", "Cart[", "Cart.Cart.Cart", "P.Items[", ".", "Cart.Any.[0]]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got := problem.PointerTo(&Cart{P: &cartPage[cartLine]{ByKey: map[string]cartLine{path: {}}}}, path)
		if got != "#" && !strings.HasPrefix(got, "#/") {
			t.Errorf("PointerTo(%q) = %q", path, got)
		}
	})
}

func TestFieldErrorHasPlaceAndCode(t *testing.T) {
	var v problem.Validation
	v.Add(problem.FieldError{Detail: "must be positive", Parameter: "page", Code: "out_of_range"},
		problem.FieldError{Detail: "must be a date", Header: "If-Unmodified-Since"}, problem.FieldError{Detail: "x", Pointer: "#/a", Code: "c"})
	d := problem.From(v.Err(problem.Detail("")))
	assert.Equal(t, `{"type":"about:blank","title":"Unprocessable Entity","status":422,"errors":[`+
		`{"detail":"must be positive","parameter":"page","code":"out_of_range"},{"detail":"must be a date","header":"If-Unmodified-Since"},`+
		`{"detail":"x","pointer":"#/a","code":"c"}]}`, write(t, d))
	var back problem.Validation
	assert.NoError(t, read(t, write(t, d)).Extension("errors", &back))
	assert.Equal(t, v, back)
	page, err := d.AppendHTML(nil)
	assert.NoError(t, err)
	assert.Contains(t, string(page), `<span dir="auto">must be positive</span><code>page</code>`)
	doc, err := d.AppendXML(nil)
	assert.NoError(t, err)
	assert.Contains(t, string(doc), `<i><detail>must be a date</detail><header>If-Unmodified-Since</header></i>`)
}

func TestValidationKeepsNoMoreThanIsUseful(t *testing.T) {
	long := strings.Repeat("é", 1<<20)
	var v problem.Validation
	for range 2 * problem.MaxFieldErrors {
		v.Check(false, long, "a", "b", long, "c")
		v.Add(problem.FieldError{Detail: long, Pointer: "#/a/" + long[:510], Parameter: long, Header: long, Code: long})
	}
	assert.Equal(t, "#/a/b", v[0].Pointer, "the nearest place that is short")
	assert.Equal(t, "#/a", v[1].Pointer)
	doc := write(t, problem.From(v.Err()))
	assert.Less(t, len(doc), 400<<10)
	assert.Len(t, v, problem.MaxFieldErrors)
	for _, f := range v {
		for _, s := range []string{f.Detail, f.Pointer, f.Parameter, f.Header, f.Code} {
			assert.LessOrEqual(t, len(s), 1<<10)
			assert.Equal(t, s, strings.ToValidUTF8(s, "?"), "no character is cut in two")
		}
	}
}

type (
	cartKey     string
	cartPrinted string
	cartSmall   int8
)

func (k cartPrinted) String() string { return "printed " + string(k) }

func TestPointerToFindsKeysOfEveryKind(t *testing.T) {
	for _, c := range []struct {
		why   string
		value any
		path  string
		want  string
	}{
		{"a string type", map[cartKey]cartLine{"a": {}}, "[a].SKU", "#/a/sku"},
		{"a string type that prints in a way of its own", map[cartPrinted]cartLine{"a": {}}, "[printed a].SKU", "#/a/sku"},
		{"a small number", map[cartSmall]cartLine{-128: {}}, "[-128].SKU", "#/-128/sku"},
		{"a number that does not fit", map[cartSmall]cartLine{0: {}}, "[256].SKU", "#"},
		{"no number", map[uint]cartLine{0: {}}, "[x].SKU", "#"},
		{"the empty key", map[string]cartLine{"": {}}, "[].SKU", "#//sku"},
		{"the longest key", map[string]map[string]cartLine{"a": {"b": {}}, "a][b": {}}, "[a][b].SKU", "#/a][b"},
		{"a key that is absent", map[string]cartLine{"a": {}}, "[b].SKU", "#"},
		{"no end", map[string]cartLine{"a": {}}, "[a", "#"},
	} {
		want := strings.NewReplacer("[", "%5B", "]", "%5D").Replace(c.want)
		assert.Equal(t, want, problem.PointerTo(c.value, c.path), c.why)
	}
}

// PointerTo is called for each fault of a request, and the client chooses the keys.
func TestPointerToDoesNotSearchALargeMap(t *testing.T) {
	large, printed := map[string]cartLine{}, map[cartPrinted]cartLine{}
	for i := range 100_000 {
		key := strconv.Itoa(i)
		large[key], printed[cartPrinted(key)] = cartLine{}, cartLine{}
	}
	hostile := "[" + strings.Repeat("]", 100_000)
	began := time.Now()
	for range 1000 {
		assert.Equal(t, "#/500/sku", problem.PointerTo(large, "[500].SKU"))
	}
	for range 100 {
		problem.PointerTo(large, hostile)
		problem.PointerTo(printed, "[printed x].SKU")
	}
	assert.Less(t, time.Since(began), 10*time.Second, "a search would take minutes")
}

func TestPointerToKnowsWhichFieldHasTheName(t *testing.T) {
	type In struct{ X, Y, Z int }
	type Other struct {
		Y int
		W int `json:"w"`
	}
	type Tagged struct {
		V int `json:"Z"`
	}
	type Out struct {
		In
		*Other
		Tagged
		X int
		//lint:ignore SA5008 not a name that encoding/json accepts
		Bad int `json:"a,b\"c"`
	}
	for path, want := range map[string]string{
		"Out.X": "#/X", "Out.In.X": "#", "Out.In.Y": "#", "Out.Other.Y": "#", "Out.Other.W": "#/w", "w": "#/w",
		"Out.In.Z": "#", "Out.Tagged.V": "#/Z", "Z": "#/Z", "Out.Bad": "#/a",
	} {
		assert.Equal(t, want, problem.PointerTo(Out{}, path), path)
	}
}
