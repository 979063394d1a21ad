package validator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-playground/locales/de"
	ut "github.com/go-playground/universal-translator"
	"github.com/go-playground/validator/v10"
	german "github.com/go-playground/validator/v10/translations/de"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	faults "github.com/rejoinder-go/rejoinder/contrib/validator"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

var validate = validator.New(validator.WithRequiredStructEnabled())

type Base struct {
	ID string `json:"id" validate:"required"`
}

type Meta struct {
	Tag string `json:"tag" validate:"required"`
}

type Page[T any] struct {
	Items []T `json:"items" validate:"dive"`
	Next  int `json:"next" validate:"min=1"`
}

type Line struct {
	SKU   string            `json:"sku,omitempty" validate:"required"`
	Notes map[string]string `json:"notes" validate:"dive,keys,min=2,endkeys,required"`
}

type Order struct {
	Base
	*Meta
	Named    Base `json:"named"`
	Lines    []Line
	ByKey    map[string]Line  `json:"by_key" validate:"dive"`
	ByNumber map[int][]Line   `json:"by_number" validate:"dive,dive"`
	Pages    Page[Page[Line]] `json:"pages"`
	Inline   struct {
		Zip string `json:"zip~code/" validate:"len=5"`
	} `json:"inline"`
	Pointer *Line  `json:"pointer"`
	Any     any    `json:"any"`
	Secret  Base   `json:"-"`
	Plain   string `validate:"required"`
}

func TestPointersLeadToTheFault(t *testing.T) {
	order := Order{
		Meta: &Meta{}, Any: &Line{}, Pointer: &Line{SKU: "1", Notes: map[string]string{"a": "1", "cd": ""}},
		ByKey:    map[string]Line{"a.b[c]": {}},
		ByNumber: map[int][]Line{-7: {{SKU: "1"}, {}}},
		Pages:    Page[Page[Line]]{Next: 1, Items: []Page[Line]{{Next: 1}, {Items: []Line{{}}}}},
	}
	order.Lines = []Line{{SKU: "1"}, {}}
	for _, value := range []any{order, &order} {
		var got []string
		for _, f := range faults.Faults(value, validate.Struct(value)) {
			got = append(got, f.Pointer+" "+f.Code)
		}
		assert.ElementsMatch(t, []string{
			"#/id required", "#/tag required", "#/named/id required", "#/by_key/a.b%5Bc%5D/sku required",
			"#/by_number/-7/1/sku required", "#/pages/items/1/items/0/sku required", "#/pages/items/1/next min",
			"#/inline/zip~0code~1 length", "#/pointer/notes/a min", "#/pointer/notes/cd required", "#/any/sku required",
			"# required", "#/Plain required",
		}, got, "%T", value)
	}
}

func TestPointersInOtherValues(t *testing.T) {
	anonymous := struct {
		Order struct {
			ID string `json:"id" validate:"required"`
		} `json:"order"`
	}{}
	for _, row := range []struct {
		why   string
		value any
		err   error
		want  string
	}{
		{"a struct without a name", anonymous, validate.Struct(anonymous), "#/order/id"},
		{"a generic struct", Page[Base]{Next: 1, Items: []Base{{}}}, validate.Struct(Page[Base]{Next: 1, Items: []Base{{}}}), "#/items/0/id"},
		{"a list", []Base{{ID: "1"}, {}}, validate.Var([]Base{{ID: "1"}, {}}, "dive"), "#/1/id"},
		{"a map", map[string]Base{"a/b": {}}, validate.Var(map[string]Base{"a/b": {}}, "dive"), "#/a~1b/id"},
		{"a single value", "x", validate.Var("x", "email"), "#"},
		{"an error around", Base{}, fmt.Errorf("order: %w", validate.Struct(Base{})), "#/id"},
		{"no value", nil, validate.Struct(Base{}), "#"},
	} {
		t.Run(row.why, func(t *testing.T) {
			all := faults.Faults(row.value, row.err)
			require.Len(t, all, 1)
			assert.Equal(t, row.want, all[0].Pointer)
		})
	}
}

func TestErrReturnsOtherErrorsUnchanged(t *testing.T) {
	assert.NoError(t, faults.Err(Base{ID: "1"}, validate.Struct(Base{ID: "1"})))
	err := validate.Struct(7)
	assert.Equal(t, err, faults.Err(7, err), "not a struct: a mistake in the program")
	assert.Equal(t, 500, problem.From(faults.Err(7, err)).Status)
	assert.Equal(t, io.EOF, faults.Err(nil, io.EOF))
	assert.Nil(t, faults.Faults(nil, io.EOF))
	assert.Equal(t, 422, problem.From(faults.Err(Base{}, validate.Struct(Base{}))).Status)
	err = faults.Err(Base{}, validate.Struct(Base{}), problem.Instance("/a"))
	assert.Equal(t, "/a", problem.From(err).Instance)
}

func TestEnglishMessages(t *testing.T) {
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	for _, row := range []struct {
		value any
		rule  string
		want  string
	}{
		{"", "required", "is required"},
		{"a", "min=2", "must be at least 2 characters long"},
		{"", "min=1", "must be at least 1 character long"},
		{"abc", "max=2", "must be at most 2 characters long"},
		{"abc", "len=2", "must be exactly 2 characters long"},
		{"abc", "gt=3", "must be more than 3 characters long"},
		{"abc", "lt=3", "must be fewer than 3 characters long"},
		{"abc", "eq=x", "must be x"},
		{"x", "ne=x", "must not be x"},
		{[]int{1}, "min=2", "must have at least 2 items"},
		{[]int{1, 2}, "max=1", "must have at most 1 item"},
		{map[string]int{}, "len=1", "must have exactly 1 item"},
		{[]int{1, 1}, "unique", "must not have the same item twice"},
		{1, "min=2", "must be at least 2"},
		{1.5, "gt=2.5", "must be greater than 2.5"},
		{3, "lte=2", "must be at most 2"},
		{3, "lt=3", "must be less than 3"},
		{time.Second, "min=1m", "must be at least 1m"},
		{past, "gt", "must be in the future"},
		{future, "lte", "must not be in the future"},
		{"x", "oneof=red 'dark green'", "must be one of red, dark green"},
		{"x", "email", "must be an email address"},
		{"x", "uuid4", "must be a UUID of version 4"},
		{"x", "startswith=ord_", "must begin with ord_"},
		{"x", "datetime=2006-01-02", "must be a time in the form 2006-01-02"},
		{"x", "rgb|rgba", "is not valid"},
		{"x", "iscolor", "is not valid"},
		{"x", "bic", "is not valid"},
	} {
		all := faults.Faults(row.value, validate.Var(row.value, row.rule))
		if assert.Len(t, all, 1, row.rule) {
			assert.Equal(t, row.want, all[0].Detail, row.rule)
			code, _, _ := strings.Cut(row.rule, "=")
			if code == "len" {
				code = problem.CodeLength
			}
			assert.Equal(t, code, all[0].Code)
		}
	}
}

func TestMessagesNameOtherFieldsInJSON(t *testing.T) {
	type User struct {
		Kind     string `json:"kind"`
		Password string `json:"pass_word"`
		Hidden   string `json:"-"`
		Inner    struct {
			Email string `json:"e_mail"`
			Phone string `json:"phone" validate:"required_without=Email"`
			Same  string `json:"same" validate:"eqcsfield=Password"`
		} `json:"inner"`
		Again  string `json:"again" validate:"eqfield=Password"`
		Other  string `json:"other" validate:"eqfield=Hidden"`
		Card   string `json:"card" validate:"required_if=Kind card Password x"`
		Number int    `json:"number" validate:"excluded_with=Kind Password"`
	}
	u := User{Kind: "card", Password: "x", Hidden: "y", Again: "z", Other: "z", Number: 1}
	got := map[string]string{}
	for _, f := range faults.Faults(u, validate.Struct(u)) {
		got[f.Pointer] = f.Detail
	}
	assert.Equal(t, map[string]string{
		"#/inner/phone": "is required without any of e_mail",
		"#/inner/same":  "must be equal to pass_word",
		"#/again":       "must be equal to pass_word",
		"#/other":       "must be equal to another value",
		"#/card":        "is required if kind is card and pass_word is x",
		"#/number":      "must be left out together with any of kind, pass_word",
	}, got)
}

func TestMessagesNeverContainTheValue(t *testing.T) {
	const canary = "c4n4ry-value"
	for _, rule := range strings.Fields("required_with=X alpha alphanum numeric number hexadecimal hexcolor e164 url http_url uri base64 " +
		"isbn uuid ulid latitude longitude ipv4 ipv6 ip cidr mac fqdn hostname_port json jwt lowercase= uppercase semver timezone duration cron " +
		"boolean credit_card iso4217 contains=zz excludes=4 endswith=zz len=2 max=2") {
		rule = strings.TrimSuffix(rule, "=")
		for _, f := range faults.Faults(canary, validate.Var(canary, rule)) {
			assert.NotContains(t, f.Detail, canary, rule)
			assert.Regexp(t, `^(must|is) [a-zA-Z]`, f.Detail, rule)
		}
	}
}

func TestTextsReplaceTheMessages(t *testing.T) {
	trans, _ := ut.New(de.New()).GetTranslator("de")
	require.NoError(t, german.RegisterDefaultTranslations(validate, trans))
	messages := faults.Messages(func(f validator.FieldError) string {
		if f.Tag() == "email" {
			return ""
		}
		return f.Translate(trans)
	})
	all := messages.Faults(Base{}, validate.Struct(Base{}))
	require.Len(t, all, 1)
	assert.Equal(t, problem.FieldError{Detail: "ID ist ein Pflichtfeld", Pointer: "#/id", Code: "required"}, all[0])
	all = messages.Faults("x", validate.Var("x", "email"))
	assert.Equal(t, "must be an email address", all[0].Detail, "none means the English one")
	assert.Equal(t, 422, problem.From(messages.Err(Base{}, validate.Struct(Base{}))).Status)
}

func TestClientReadsTheFaults(t *testing.T) {
	srv := httptest.NewServer(respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		var order Order
		if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
			return problem.BadBody(err)
		}
		return faults.Err(order, validate.Struct(order))
	}))
	defer srv.Close()
	res, err := srv.Client().Post(srv.URL, "application/json", strings.NewReader(`{"id":"1","tag":"t","Plain":"p","named":{"id":"1"},"pages":{"next":1},"Lines":[{"sku":""}]}`))
	require.NoError(t, err)
	defer res.Body.Close()
	var d *problem.Details
	require.True(t, errors.As(problem.CheckResponse(res), &d))
	assert.Equal(t, 422, d.Status)
	var got []problem.FieldError
	require.NoError(t, d.Extension("errors", &got))
	assert.Contains(t, got, problem.FieldError{Detail: "must be exactly 5 characters long", Pointer: "#/inline/zip~0code~1", Code: problem.CodeLength})
}

// A client chooses the keys of a map, and the place of each fault is searched in it.
func TestFaultsInALargeMapAreCheap(t *testing.T) {
	large := map[string]Base{}
	for i := range 100_000 {
		large[fmt.Sprintf("key-%d", i)] = Base{}
	}
	err := validate.Var(large, "dive")
	began := time.Now()
	require.Len(t, faults.Faults(large, err), problem.MaxFieldErrors)
	assert.Less(t, time.Since(began), time.Second, "a search for each fault takes eight")
}
