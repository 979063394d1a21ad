package problem_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rejoinder-go/rejoinder/problem"
)

func TestDefinePanicsIfIncomplete(t *testing.T) {
	for _, tt := range []struct {
		why, uri, title string
		status          int
	}{
		{"no URI", "", "t", 400},
		{"no title", "https://example.com/p", "", 400},
		{"no status", "https://example.com/p", "t", 0},
		{"a status that is none", "https://example.com/p", "t", 600},
		{"a URI with a space", "https://example.com/a b", "t", 400},
		{"a URI beyond ASCII, which a client would read otherwise", "https://example.com/é", "t", 400},
		{"a URI that cannot be parsed", "https://example.com:port/", "t", 400},
		{"a percent sign alone", "https://example.com/%", "t", 400},
	} {
		assert.Panics(t, func() { problem.Define(tt.uri, tt.title, tt.status, "doc") }, tt.why)
	}
	for _, uri := range []string{"https://example.com/p", "tag:example@example.org,2021-09-17:OutOfLuck", "/types/123", "about:blank", "urn:example:a"} {
		assert.NotPanics(t, func() { problem.Define(uri, "t", 400, "") }, uri)
	}
}

func TestTypeSetsTitleAndStatus(t *testing.T) {
	a, b := OutOfCredit.New(problem.Detail("a")), OutOfCredit.New(problem.Detail("b"))
	assert.Equal(t, a.Title, b.Title)
	assert.Equal(t, 403, a.Status)
	assert.Equal(t, `{"type":"https://example.com/probs/out-of-credit","title":"You do not have enough credit.","status":403,"detail":"a"}`, write(t, a))
	assert.Empty(t, OutOfCredit.New().Detail)
}

func TestTheRegisteredTypesPassTheirOwnLint(t *testing.T) {
	for _, typ := range []*problem.Type{
		problem.DateNotAcceptable, problem.ObliviousKeyNotAcceptable,
		problem.UnsupportedHashingAlgorithms, problem.InvalidDigestValues, problem.MismatchedDigestValues,
		problem.QuotaExceeded, problem.TemporaryReducedCapacity, problem.AbnormalUsageDetected,
	} {
		assert.NoError(t, typ.New().Lint(), typ.URI)
		assert.NotEmpty(t, typ.Doc)
	}
}

func TestTypeDeclaresItsMembers(t *testing.T) {
	members := []problem.Member{{Name: "balance", Doc: "What is left.", Example: 30}, {Name: "accounts", Example: []string{"/a"}}}
	typ := problem.Define("https://example.com/p", "P", 403, "doc", members...)
	members[0].Name = "changed"
	assert.Equal(t, "balance", typ.Members[0].Name)
	assert.Equal(t, `{"type":"https://example.com/p","title":"P","status":403,"accounts":["/a"],"balance":30}`, write(t, typ.Sample()))
	assert.Equal(t, `{"type":"https://example.com/p","title":"P","status":403}`, write(t, typ.New()), "an example is no value")
	assert.Equal(t, "doc", typ.New(problem.Detail(typ.Doc)).Detail, "only as an option")
	for why, bad := range map[string][]problem.Member{
		"no name":         {{}},
		"a standard name": {{Name: "status", Example: 1}},
		"twice":           {{Name: "abc"}, {Name: "abc"}},
		"cannot be sent":  {{Name: "abc", Example: func() {}}},
		"an error in it":  {{Name: "abc", Example: []any{errors.New("secret")}}},
	} {
		assert.Panics(t, func() { problem.Define("https://example.com/p", "P", 403, "", bad...) }, why)
	}
}
