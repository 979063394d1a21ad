package status_test

import (
	"encoding/csv"
	"fmt"
	"math"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem/status"
)

func TestCatalogueAscendsAndCountsPerClass(t *testing.T) {
	perClass := map[status.Class]int{}
	last := 0
	for s := range status.All() {
		assert.Greater(t, s.Code, last, "the catalogue ascends")
		last = s.Code
		perClass[s.Class()]++
	}
	assert.Equal(t, map[status.Class]int{
		status.Informational: 4, status.Success: 10, status.Redirection: 9,
		status.ClientError: 29, status.ServerError: 11,
	}, perClass, "63 rows, as many as net/http names together with its 306")
}

func TestRowsAreComplete(t *testing.T) {
	seen := map[string]int{}
	for s := range status.All() {
		got, ok := status.Lookup(s.Code)
		assert.True(t, ok)
		assert.Equal(t, s, got)
		assert.Regexp(t, `^[A-Z].*[^.]$`, s.Reason, "%d", s.Code)
		assert.Regexp(t, `^[A-Z].*\.$`, s.Description, "%d: full sentences", s.Code)
		assert.LessOrEqual(t, strings.Count(s.Description, ". "), 1, "%d: at most two sentences", s.Code)
		assert.Regexp(t, `^\d+(\.\d+)*$`, s.Section, "%d", s.Code)
		assert.Zero(t, seen[s.Description], "%d and %d share a description", s.Code, seen[s.Description])
		seen[s.Description] = s.Code
	}
}

// intended lists the codes whose reason is not that of the registry, and why.
var intended = map[int]string{
	306: "Unused",               // the registry puts it in parentheses to say that it is no phrase
	413: "Payload Too Large",    // as documented to users; RFC 7231, 6.5.11
	418: "I'm a teapot",         // net/http; the registry only says that it is unused
	422: "Unprocessable Entity", // as documented to users; RFC 4918, 11.2
	510: "Not Extended",         // the registry appends that it is obsoleted
}

func TestCatalogueAgreesWithTheRegistry(t *testing.T) {
	f, err := os.Open("testdata/iana-http-status-codes.csv")
	require.NoError(t, err)
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment = '#'
	rows, err := r.ReadAll()
	require.NoError(t, err)

	rfcSection := regexp.MustCompile(`^\[RFC(\d+)(?:, Section ([\d.]+))?\]`)
	registered := map[int]bool{}
	for _, row := range rows[1:] {
		code, err := strconv.Atoi(row[0])
		require.NoError(t, err)
		registered[code] = true
		if strings.Contains(row[1], "TEMPORARY") {
			continue // a draft's code, which may be gone by the next snapshot
		}
		s, ok := status.Lookup(code)
		require.True(t, ok, "the catalogue lacks %d", code)
		want := row[1]
		if ours, ok := intended[code]; ok {
			assert.NotEqual(t, want, ours, "%d is no difference any more", code)
			want = ours
		}
		assert.Equal(t, want, s.Reason, "%d", code)
		m := rfcSection.FindStringSubmatch(row[2])
		require.NotNil(t, m, "reference %q", row[2])
		assert.Equal(t, m[1], strconv.Itoa(s.RFC), "%d", code)
		if m[2] != "" {
			assert.Equal(t, m[2], s.Section, "%d", code)
		}
	}
	for s := range status.All() {
		assert.True(t, registered[s.Code], "%d is not registered", s.Code)
	}
}

func TestCatalogueAgreesWithNetHTTP(t *testing.T) {
	differs := map[int]string{ // what net/http says instead
		306: "",                                // it has no name for an unused code
		413: "Request Entity Too Large",        // RFC 2616
		414: "Request URI Too Long",            // RFC 2616
		416: "Requested Range Not Satisfiable", // RFC 2616
	}
	for code := range 1000 {
		s, ok := status.Lookup(code)
		text := http.StatusText(code)
		if want, differ := differs[code]; differ {
			assert.Equal(t, want, text)
			assert.True(t, ok)
			if text != "" {
				alias, ok := status.ByReason(text)
				assert.True(t, ok && alias.Code == code, "net/http's %q finds %d", text, code)
			}
			continue
		}
		assert.Equal(t, text != "", ok, "%d", code)
		assert.Equal(t, text, s.Reason, "%d", code)
	}
}

func TestLookupRefusesInvalidNumbers(t *testing.T) {
	for _, code := range []int{math.MinInt, -1, 0, 99, 104, 299, 419, 499, 509, 599, 600, 999, math.MaxInt32, math.MaxInt} {
		s, ok := status.Lookup(code)
		assert.False(t, ok, "%d", code)
		assert.Zero(t, s, "%d", code)
	}
}

func TestByReasonKnowsEveryNameInAnyCase(t *testing.T) {
	for s := range status.All() {
		for _, name := range append(s.Aliases(), s.Reason, strings.ToUpper(s.Reason), strings.ToLower(s.Reason)) {
			got, ok := status.ByReason(name)
			assert.True(t, ok, "%q", name)
			assert.Equal(t, s, got, "%q", name)
		}
	}
	for phrase, code := range map[string]int{
		"content too large":             413, // RFC 9110
		"unprocessable content":         422, // RFC 9110
		"Request-URI Too Long":          414, // RFC 2616
		"(Unused)":                      306, // the registry, which gives it to 418 as well
		"i'M A tEAPOT":                  418,
		"METHOD NOT ALLOWED":            405,
		"Request URI Too Long":          414,
		"Moved Temporarily":             302,
		"non-authoritative information": 203,
	} {
		got, ok := status.ByReason(phrase)
		assert.True(t, ok, "%q", phrase)
		assert.Equal(t, code, got.Code, "%q", phrase)
	}
	for _, phrase := range []string{"", " ", "404", "Not Found ", "Fine"} {
		_, ok := status.ByReason(phrase)
		assert.False(t, ok, "%q", phrase)
	}
}

func TestNearestFallsBackToTheClass(t *testing.T) {
	for _, row := range []struct {
		code, want int
		why        string
	}{
		{404, 404, "its own row"},
		{199, 100, "an unknown code counts as x00: RFC 9110, 15"},
		{299, 200, "the same for each class"},
		{399, 300, ""},
		{499, 400, ""},
		{599, 500, ""},
		{600, 500, "no class: only a server's mistake makes such a code"},
		{99, 500, ""},
		{-1, 500, ""},
	} {
		assert.Equal(t, row.want, status.Nearest(row.code).Code, "%d: %s", row.code, row.why)
	}
}

func TestClassHasANameForEveryNumber(t *testing.T) {
	want := map[int]string{-5: "invalid", 99: "invalid", 100: "informational", 299: "successful", 306: "redirection", 499: "client error", 599: "server error", 600: "invalid"}
	for code, name := range want {
		assert.Equal(t, name, status.ClassOf(code).String(), "%d", code)
		assert.NotEmpty(t, status.ClassOf(code).Description())
	}
	assert.Equal(t, "invalid", status.Class(200).String())
}

func TestStatusImpliesWhatItsSpecificationSays(t *testing.T) {
	required := map[int][]string{ // RFC 9110, and RFC 3229 for 226
		101: {"Upgrade"}, 206: {"Content-Range"}, 226: {"ETag", "IM"}, 401: {"WWW-Authenticate"}, 405: {"Allow"}, 407: {"Proxy-Authenticate"}, 426: {"Upgrade"},
	}
	expected := map[int][]string{
		201: {"Location"}, 301: {"Location"}, 302: {"Location"}, 303: {"Location"}, 307: {"Location"}, 308: {"Location"},
		416: {"Content-Range"}, 451: {"Link"},
	}
	kept := map[int][]string{412: {"ETag", "Last-Modified"}, 416: {"Content-Range"}, 201: {"Location"}}
	for code := range 1000 {
		s, known := status.Lookup(code)
		assert.Equal(t, required[code], s.RequiredHeader(), "%d", code)
		assert.Equal(t, expected[code], s.ExpectedHeader(), "%d", code)
		if want := kept[code]; code/100 == 3 && code != 304 && known {
			assert.Equal(t, []string{"Location"}, s.KeptHeader(), "%d", code)
		} else {
			assert.Equal(t, want, s.KeptHeader(), "%d", code)
		}
		assert.Equal(t, code >= 100 && code < 200 || code == 204 || code == 205 || code == 304, status.BodyForbidden(code), "%d: RFC 9110, 15.2, 15.3.5, 15.3.6, 15.4.5", code)
		assert.Equal(t, code == 428 || code == 429 || code == 431 || code == 511, status.StorageForbidden(code), "%d: RFC 6585", code)
		assert.Equal(t, slices.Contains([]int{408, 425, 429, 502, 503, 504}, code), status.Temporary(code), "%d", code)
	}
}

// A description is sent with every response of its code, so it does not name a header field
// that the response may lack. It may name a header field of the request.
func TestDescriptionsNameNoFieldThatMayBeAbsent(t *testing.T) {
	field := regexp.MustCompile(`\b(Allow|Location|Retry-After|Upgrade|Accept|WWW-Authenticate|Range|Expect|ETag|Link)\b`)
	for s := range status.All() {
		for _, name := range field.FindAllString(s.Description, -1) {
			assert.Contains(t, s.RequiredHeader(), name, "%d: %s", s.Code, s.Description)
		}
		assert.NotRegexp(t, `\b([Aa]nswers?|[Tt]he content)\b`, s.Description, "in the terms of RFC 9110: response and body")
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	var sum int
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		s, _ := status.Lookup(503)
		sum += len(s.Reason)
	}))
	_ = sum
}

func TestAllStopsWhenTheCallerDoes(t *testing.T) {
	var codes []int
	for s := range status.All() {
		if codes = append(codes, s.Code); len(codes) == 2 {
			break
		}
	}
	assert.True(t, slices.Equal([]int{100, 101}, codes))
}

func ExampleLookup() {
	s, ok := status.Lookup(503)
	fmt.Println(s, ok)
	fmt.Println(s.Description)
	fmt.Println(s.Class(), "-", s.Citation())
	// Output:
	// 503 Service Unavailable true
	// The server cannot handle requests at the moment because of overload or maintenance. Try again later.
	// server error - RFC 9110, section 15.6.4
}
