package respond_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
)

func TestNegotiateLanguagePicksTheBestMatch(t *testing.T) {
	for _, row := range []struct {
		why, accept, offers, want string
	}{
		{"as a browser sends it", "de-CH,de;q=0.9,en;q=0.8", "en de", "de"},
		{"the very tag", "pt-BR", "pt pt-BR", "pt-BR"},
		{"letter case means nothing", "DE-ch;Q=0.5", "en de-CH", "de-CH"},
		{"a wider offer", "de-CH", "en de", "de"},
		{"a narrower offer", "de", "en de-CH", "de-CH"},
		{"a subtag is whole", "en", "eng de", "eng"},
		{"weights count, not order", "en;q=0.3, de;q=0.7", "en de", "de"},
		{"the server's order decides among equals", "de, en", "en de", "en"},
		{"the closest range counts: the same tag", "de-CH, de;q=0.5, en;q=0.7", "de en", "en"},
		{"the closest range counts: the longest", "zh, zh-Hant;q=0.1, en;q=0.5", "zh-Hant-TW en", "en"},
		{"the heaviest of the narrower ones", "de-CH;q=0.1, de-AT;q=0.9, en;q=0.5", "en de", "de"},
		{"anything, but rather", "*, de", "en de", "de"},
		{"anything", "*", "en de", "en"},
		{"anything else", "en;q=0.1, *", "en de", "de"},
		{"anything but", "en;q=0, *", "en de", "de"},
		{"a refusal leaves what it does not mention", "en;q=0", "en de", "de"},
		{"to refuse the narrower is not to refuse the wider", "de-CH;q=0", "de en", "de"},
		{"to refuse the wider is to refuse the narrower", "de;q=0", "de-CH en", "en"},
		{"refused, but there is nothing else", "en;q=0, de;q=0", "en de", "en"},
		{"everything refused", "*;q=0", "en de", "en"},
		{"not on offer", "fr", "en de", "en"},
		{"several, in fields of the same name", "fr|de;q=0.5", "en de", "de"},
		{"empty", "", "en de", "en"},
		{"nothing but commas", ",, ,", "en de", "en"},
		{"white space", " de ; q=0.9 ,\ten;q=0.1 ", "en de", "de"},
		{"a malformed member is passed over", "de;q=2, de;x=1, de;q, en;q=0.1", "de en", "en"},
		{"garbage", "\x00;;q=-1", "en de", "en"},
		{"beyond 4 KiB", strings.Repeat("fr,", 4<<10/3) + "xx,de", "en de", "en"},
		{"beyond 4 KiB, in many fields", strings.Repeat("fr|", 4<<10/2) + "de", "en de", "en"},
		{"a prefix alone", "-", "en de", "en"},
	} {
		r := &http.Request{Header: http.Header{"Accept-Language": strings.Split(row.accept, "|")}}
		assert.Equal(t, row.want, respond.NegotiateLanguage(r, strings.Fields(row.offers)...), "%s: %q", row.why, row.accept)
	}
}

func TestNegotiateLanguageDefaultsToTheFirst(t *testing.T) {
	assert.Equal(t, "en", respond.NegotiateLanguage(nil, "en", "de"))
	assert.Equal(t, "en", respond.NegotiateLanguage(&http.Request{}, "en", "de"))
	assert.Equal(t, "", respond.NegotiateLanguage(&http.Request{}))
}

func TestNegotiateLanguageAllocatesNothing(t *testing.T) {
	r := &http.Request{Header: http.Header{"Accept-Language": {"de-CH,de;q=0.9,en;q=0.8"}}}
	offers := []string{"en", "de"}
	assert.Zero(t, testing.AllocsPerRun(100, func() { respond.NegotiateLanguage(r, offers...) }))
}

// FuzzNegotiateLanguage has these oracles: the result is an offer; it is not refused by
// name unless the others are too; and what follows the bound changes nothing.
func FuzzNegotiateLanguage(f *testing.F) {
	f.Add("de-CH,de;q=0.9,en;q=0.8")
	f.Add("*;q=0,en;q=0.001")
	f.Add("zh-Hant-TW;q=1.000, zh;q=0")
	offers := []string{"en", "de-CH", "zh-Hant"}
	f.Fuzz(func(t *testing.T, accept string) {
		r := &http.Request{Header: http.Header{"Accept-Language": {accept}}}
		got := respond.NegotiateLanguage(r, offers...)
		if !slices.Contains(offers, got) {
			t.Fatalf("NegotiateLanguage(%q) = %q, which is no offer", accept, got)
		}
		bounded := accept + strings.Repeat(",", 4<<10) + ",de-CH,zh-Hant"
		r.Header.Set("Accept-Language", bounded)
		if again := respond.NegotiateLanguage(r, offers...); again != got && len(accept) < 4<<10 {
			t.Fatalf("NegotiateLanguage(%q) = %q, but %q with more behind the bound", accept, got, again)
		}
		r.Header.Set("Accept-Language", "en;q=0, "+accept)
		if respond.NegotiateLanguage(r, "en", "xx-none") == "en" && !strings.Contains(strings.ToLower(accept), "en") && !strings.Contains(accept, "*") && !strings.Contains(strings.ToLower(accept), "xx") {
			t.Fatalf("NegotiateLanguage(%q) chose what was refused", accept)
		}
	})
}
