package ratelimit_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// item is a member of a List whose members are Strings (RFC 9651, sections 3.1
// and 3.3.3) with parameters that are Integers or Byte Sequences.
type item struct {
	name   string
	ints   map[string]int64
	binary map[string][]byte
}

// parseList is the strict parser of RFC 9651, section 4.2, for what the RateLimit
// fields may contain. It is the oracle for everything that we send.
func parseList(lines []string) (list []item, err error) {
	s := strings.Join(lines, ", ")
	for s = strings.TrimLeft(s, " "); s != ""; {
		var it item
		if it, s, err = parseItem(s); err != nil {
			return nil, err
		}
		list = append(list, it)
		s = strings.TrimLeft(s, " \t")
		if s == "" {
			break
		}
		if s[0] != ',' {
			return nil, fmt.Errorf("no comma before %q", s)
		}
		if s = strings.TrimLeft(s[1:], " \t"); s == "" {
			return nil, fmt.Errorf("trailing comma")
		}
	}
	return list, nil
}

func parseItem(s string) (it item, rest string, err error) {
	it.ints, it.binary = map[string]int64{}, map[string][]byte{}
	if s == "" || s[0] != '"' {
		return it, "", fmt.Errorf("no string at %q", s)
	}
	i := 1
	for ; ; i++ {
		if i >= len(s) {
			return it, "", fmt.Errorf("string without end")
		}
		c := s[i]
		switch {
		case c == '"':
		case c == '\\':
			if i++; i >= len(s) || s[i] != '"' && s[i] != '\\' {
				return it, "", fmt.Errorf("bad escape in %q", s)
			}
			it.name += string(s[i])
			continue
		case c < 0x20 || c > 0x7e:
			return it, "", fmt.Errorf("byte %#x in a string", c)
		default:
			it.name += string(c)
			continue
		}
		break
	}
	s = s[i+1:]
	for strings.HasPrefix(s, ";") {
		s = strings.TrimLeft(s[1:], " ")
		n := strings.IndexByte(s, '=')
		if n < 1 || strings.Trim(s[:n], "abcdefghijklmnopqrstuvwxyz") != "" {
			return it, "", fmt.Errorf("no parameter at %q", s)
		}
		key := s[:n]
		s = s[n+1:]
		if strings.HasPrefix(s, ":") {
			end := strings.IndexByte(s[1:], ':')
			if end < 0 {
				return it, "", fmt.Errorf("byte sequence without end")
			}
			if it.binary[key], err = base64.StdEncoding.Strict().DecodeString(s[1 : 1+end]); err != nil {
				return it, "", err
			}
			s = s[end+2:]
			continue
		}
		end := 0
		for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && s[end] == '-') {
			end++
		}
		if end > 15 {
			return it, "", fmt.Errorf("integer of %d digits", end)
		}
		if it.ints[key], err = strconv.ParseInt(s[:end], 10, 64); err != nil {
			return it, "", err
		}
		s = s[end:]
	}
	return it, s, nil
}

// fields parses both fields of a response and checks what holds for all responses.
func fields(t testing.TB, code int, h http.Header) (policies, states map[string]item) {
	t.Helper()
	byName := func(field string) map[string]item {
		list, err := parseList(h.Values(field))
		require.NoError(t, err, "%s: %q", field, h.Values(field))
		m := map[string]item{}
		for _, it := range list {
			require.NotContains(t, m, it.name, "names are unique: %s", h.Values(field))
			m[it.name] = it
		}
		return m
	}
	policies, states = byName("RateLimit-Policy"), byName("RateLimit")
	for name, p := range policies {
		require.GreaterOrEqual(t, p.ints["q"], int64(0), name)
		require.GreaterOrEqual(t, p.ints["w"], int64(1), name)
	}
	retryAfter, err := strconv.ParseInt(h.Get("Retry-After"), 10, 64)
	hasRetryAfter := err == nil
	for name, s := range states {
		p, known := policies[name]
		require.True(t, known, "%s is no item of RateLimit-Policy", name)
		r, hasR := s.ints["r"]
		window, hasT := s.ints["t"]
		require.True(t, hasR, "r is required")
		require.True(t, 0 <= r && r <= p.ints["q"], "%s: 0 <= %d <= %d", name, r, p.ints["q"])
		if hasT {
			require.GreaterOrEqual(t, window, int64(1), name)
		}
		if code < 400 && hasT {
			require.LessOrEqual(t, r*p.ints["w"], p.ints["q"]*window+p.ints["q"], "%s promises no faster pace than the policy", name)
		}
		if hasRetryAfter {
			require.True(t, hasT)
			require.LessOrEqual(t, window, retryAfter, "no client is sent back before the end of a window")
		}
	}
	switch code {
	case 429, 503:
		require.Equal(t, "no-store", h.Get("Cache-Control"))
	default:
		require.False(t, hasRetryAfter, "%d", code)
	}
	return policies, states
}

func TestParseListIsStrict(t *testing.T) {
	list, err := parseList([]string{`"a";q=1;w=60`, `"b\"\\";r=0;pk=:AQID:`})
	require.NoError(t, err)
	require.Len(t, list, 2)
	assert.Equal(t, `b"\`, list[1].name)
	assert.Equal(t, []byte{1, 2, 3}, list[1].binary["pk"])
	for _, bad := range []string{`a;q=1`, `"a`, `"a";q`, `"a";q=`, `"a";q=1,`, `"a" "b"`, `"é"`, "\"a\nb\"", `"a";pk=:AQI:`, `"a";Q=1`, `"a";q=1234567890123456`} {
		_, err := parseList([]string{bad})
		assert.Error(t, err, bad)
	}
}

// The oracle is the parser above, and what has to hold for every response.
func FuzzFieldsAreListsOfStrings(f *testing.F) {
	f.Add("default", 100, int64(time.Minute), 0, 1, 3, false)
	f.Add(`b"\`, 1, int64(1), 5, 7, 9, true)
	f.Add("slow", 1, int64(365*24*time.Hour), 2, 2, 2, false)
	f.Add("fast", 1_000_000_000, int64(time.Second), 0, 0, 3, true)
	f.Fuzz(func(t *testing.T, name string, n int, per int64, burst, cost, times int, keyed bool) {
		l := ratelimit.Options{Policies: []ratelimit.Policy{
			{Name: name, Quota: ratelimit.Quota{N: n, Per: time.Duration(per), Burst: burst}, Key: ratelimit.ByIP(peer), Cost: func(*http.Request) int { return cost }},
			{Name: name + "2", Quota: ratelimit.PerMinute(2), Key: ratelimit.ByIP(peer)},
		}}
		if keyed {
			l.PartitionSecret = []byte("0123456789abcdef")
		}
		var h http.Handler
		func() {
			defer func() { _ = recover() }() // what cannot work is refused when it is built
			h = ratelimit.NewLimiter(l).Wrap(http.HandlerFunc(ok))
		}()
		if h == nil {
			return
		}
		for range min(max(times, 1), 5) {
			w := get(h)
			policies, states := fields(t, w.Code, w.Header())
			require.Len(t, policies, 2)
			require.NotEmpty(t, states)
			if keyed {
				require.Len(t, policies[name+"2"].binary["pk"], 9)
			}
		}
	})
}
