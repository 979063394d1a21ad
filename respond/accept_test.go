package respond_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
)

func requestAccepting(fields ...string) *http.Request {
	return &http.Request{Header: http.Header{"Accept": fields}}
}

func TestNegotiatePicksTheHighestWeight(t *testing.T) {
	problems := []string{"application/problem+json", "application/problem+xml", "text/html"}
	const json, xml, html = "application/problem+json", "application/problem+xml", "text/html"
	for _, c := range []struct{ accept, want, reason string }{
		// what clients send
		{"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", html, "a browser"},
		{"*/*", json, "curl: the server's favourite"},
		{"application/json, text/plain, */*", json, "axios"},
		{"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", html, "HttpURLConnection: a lone star, no zero"},
		// a field without a valid range is ignored
		{"", json, "an empty list"},
		{" , ,, ", json, "empty members do not count"},
		{"nonsense", json, "no slash"},
		{"*/json", json, "no such range"},
		{"text/html;q=2", json, "a weight above 1"},
		{"text/html;q=1.001", json, "a weight above 1"},
		{"text/html;q=-1", json, "a negative weight"},
		{"text/html;q=", json, "an empty weight"},
		{"text/html;q=0.x", json, "no number"},
		{"text/ html", json, "white space inside"},
		{`text/html;a="`, "none", "an open quote: a parameter that no offer has"},
		// weights
		{"application/json;q=0.5, text/html", html, "html weighs more"},
		{"application/json, text/html", json, "equal: the order of offers decides"},
		{"text/html, application/json", json, "equal: the order of the field does not"},
		{"application/json;q=0.500,text/html;q=0.501", html, "three digits count"},
		{"application/json;q=0.5004,text/html;q=0.5009", json, "no more than three"},
		{"application/json;q=1.000,text/html;q=0.999", json, "the largest weight in full"},
		{"text/html;Q=0.9,application/xml;q=0.8", html, "q in either case"},
		{"TEXT/HTML", html, "types in any case"},
		// exclusion
		{"application/json;q=0, text/html", html, "0 excludes"},
		{"application/json;q=0, */*;q=0.1", xml, "0 excludes even below a wildcard"},
		{"application/problem+json;q=0, application/json", "none", "the very type decides over its format"},
		{"text/html;q=0.000, */*", json, "0 in full length"},
		{"*/*;q=0", "none", "everything is refused"},
		{"image/png", "none", "none is mentioned"},
		// specificity
		{"application/*", json, "a type range"},
		{"application/*;q=0.2, text/*;q=0.3", html, "two type ranges"},
		{"text/*, text/html;q=0.1, application/*;q=0.5", json, "the very type is closer than its range"},
		{"text/html;q=0.4, text/html;q=0.6, application/*;q=0.5", html, "among equals the heaviest"},
		// suffixes
		{"application/xml", xml, "problem+xml is XML"},
		{"text/xml", xml, "as is what older clients call it"},
		{"application/problem+xml", xml, "the very type"},
		{"text/json;q=0.5, text/html;q=0.1", html, "no such type"},
		{"application/vnd.example+json, text/html;q=0.1", html, "another type with the suffix is another type"},
		// parameters
		{"application/json; charset=utf-8, text/html;q=0.5", json, "a charset means nothing for JSON"},
		{"application/json;charset=utf-8;q=0.1, text/html;q=0.5", html, "the weight behind a parameter"},
		{"application/json;v=2, text/html;q=0.5", html, "a parameter that is not offered"},
		{`application/json;v="a,b;q=1", text/html;q=0.5`, html, "separators in a quoted string"},
		{`application/json;v="a\",b", text/html;q=0.5`, html, "an escaped quote"},
		{"text/html;q=0.5;ext=1;q=0.9, application/json;q=0.7", json, "what follows the weight is no weight"},
		{"text/html ; q=0.9 ,\tapplication/json ; q=0.1", html, "optional white space"},
	} {
		got := respond.Negotiate(requestAccepting(c.accept), problems...)
		if got == "" {
			got = "none"
		}
		assert.Equal(t, c.want, got, "%q: %s", c.accept, c.reason)
	}
}

func TestNegotiateReadsTheExamplesOfTheRFC(t *testing.T) {
	// RFC 9110, section 12.5.1. Each row compares a type with one whose weight is
	// known, from both sides.
	const accept = "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5"
	for _, c := range []struct {
		offer  string
		weight string
		reason string
	}{
		{"text/plain;format=flowed", "1", "parameters are the closest"},
		{"text/plain", "0.7", "the very type"},
		{"text/html", "0.3", "a type range"},
		{"image/jpeg", "0.5", "everything"},
		{"text/plain;format=fixed", "0.4", "parameters, with a lower weight"},
		{"text/html;level=3", "0.3", "as text/html: the table has 0.7, left from an older field"},
	} {
		r := requestAccepting(accept + ", x/lower;q=" + lower(c.weight) + ", x/same;q=" + c.weight)
		assert.Equal(t, c.offer, respond.Negotiate(r, "x/lower", c.offer), "%s %s", c.offer, c.reason)
		assert.Equal(t, "x/same", respond.Negotiate(r, "x/same", c.offer), "%s %s", c.offer, c.reason)
		assert.Equal(t, c.offer, respond.Negotiate(r, c.offer, "x/same"), "%s %s", c.offer, c.reason)
	}
	assert.Equal(t, "audio/basic", respond.Negotiate(requestAccepting("audio/*; q=0.2, audio/basic"), "audio/mp3", "audio/basic"))
	assert.Equal(t, "text/x-c", respond.Negotiate(
		requestAccepting("text/plain; q=0.5, text/html,", "text/x-dvi; q=0.8, text/x-c"), "text/x-dvi", "text/plain", "text/x-c"),
		"several fields are one list")
}

func lower(weight string) string { // by one thousandth
	if weight == "1" {
		return "0.999"
	}
	return "0." + string(weight[2]-1) + "99"
}

func TestNegotiateNeedsNoRequestAndNoOffers(t *testing.T) {
	assert.Equal(t, "a/b", respond.Negotiate(nil, "a/b", "c/d"))
	assert.Equal(t, "a/b", respond.Negotiate(&http.Request{}, "a/b", "c/d"))
	assert.Equal(t, "", respond.Negotiate(requestAccepting("*/*")))
	assert.Equal(t, "", respond.Negotiate(requestAccepting("*/*"), "no media type"))
}

func TestNegotiateReadsABoundedPartOfTheField(t *testing.T) {
	long := strings.Repeat("x/y, ", 1000)
	assert.Equal(t, "a/b", respond.Negotiate(requestAccepting("a/b;q=0.5, "+long+"c/d"), "c/d", "a/b"))
	assert.Equal(t, "", respond.Negotiate(requestAccepting(long, "a/b"), "a/b"), "fields share the bound")
	cut := strings.Repeat("x/y,", 1023) + "a/b;q=0.1" // the bound cuts "a/b;" off
	assert.Equal(t, "", respond.Negotiate(requestAccepting(cut), "a/b"), "a range that was cut does not count")
}

func TestNegotiateAllocatesNothing(t *testing.T) {
	r := requestAccepting("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		respond.Negotiate(r, "application/problem+json", "application/problem+xml", "text/html")
	}))
}

// FuzzNegotiate checks what is true of each field: the result is an offer or
// nothing, and neither letter case nor an invalid member changes it.
func FuzzNegotiate(f *testing.F) {
	for _, s := range []string{"*/*", "a/b;q=0.5, c/*", `a/b;x="\",";q=1`, "*;q=.2", "a/b;q=0", ",,;;==", `a/b;x="`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		offers := []string{"a/b", "c/d;x=y", "application/e+xml"}
		got := respond.Negotiate(requestAccepting(accept), offers...)
		if got != "" {
			assert.Contains(t, offers, got)
		}
		if len(accept) > 4000 {
			return
		}
		assert.Equal(t, got, respond.Negotiate(requestAccepting(asciiUpper(accept)), offers...), "upper case")
		assert.Equal(t, got, respond.Negotiate(requestAccepting("useless", accept), offers...), "useless member")
	})
}

func asciiUpper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - 32
		}
	}
	return string(b)
}

func TestVaryNamesEachFieldOnce(t *testing.T) {
	for _, c := range []struct {
		have []string
		add  []string
		want []string
	}{
		{nil, []string{"Accept"}, []string{"Accept"}},
		{[]string{"Origin"}, []string{"Accept"}, []string{"Origin", "Accept"}},
		{[]string{"Origin, accept"}, []string{"Accept"}, []string{"Origin, accept"}},
		{[]string{"*"}, []string{"Accept"}, []string{"*"}},
		{[]string{"Accept-Encoding"}, []string{"Accept", "Accept"}, []string{"Accept-Encoding", "Accept"}},
	} {
		w := httptest.NewRecorder()
		w.Header()["Vary"] = c.have
		respond.Vary(w, c.add...)
		assert.Equal(t, c.want, w.Header()["Vary"])
	}
}
