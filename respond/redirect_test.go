package respond_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
)

func TestRedirectSendsTheLocation(t *testing.T) {
	for _, code := range []int{301, 302, 303, 307, 308} {
		for _, get := range bothVersions {
			res, body := get(t, "POST", func(w http.ResponseWriter, r *http.Request) { respond.Redirect(w, code, "/a?b=c#d") })
			assert.Equal(t, code, res.StatusCode)
			delete(res.Header, "Date")
			assert.Equal(t, http.Header{"Location": {"/a?b=c#d"}, "Content-Length": {"0"}}, res.Header)
			assert.Empty(t, body)
		}
	}
}

func TestRedirectNeedsACodeAndALocation(t *testing.T) {
	for _, code := range []int{200, 300, 304, 305, 306, 309, 404, 0, 1000} {
		log := wiretest.DefaultLog(t)
		res, _ := do(t, "GET", func(w http.ResponseWriter, r *http.Request) { respond.Redirect(w, code, "/a") })
		assert.Equal(t, 500, res.StatusCode, code)
		assert.Empty(t, res.Header.Get("Location"), code)
		assert.Contains(t, log.String(), "does not redirect", code)
	}
	log := wiretest.DefaultLog(t)
	res, _ := do(t, "GET", func(w http.ResponseWriter, r *http.Request) { respond.Redirect(w, 303, "") })
	assert.Equal(t, 500, res.StatusCode)
	assert.Contains(t, log.String(), "without a location")
}

func TestLocationIsAValidURIReference(t *testing.T) {
	for _, c := range []struct{ location, want string }{
		{"/a\r\nSet-Cookie: b=c", "/a%0D%0ASet-Cookie:%20b=c"},
		{"/ä?q=\"<>\\^`{|}", "/%C3%A4?q=%22%3C%3E%5C%5E%60%7B%7C%7D"},
		{"/%41", "/%41"},
		{`/\evil.example`, "/%5Cevil.example"},
		{"\x00\x7f", "%00%7F"},
	} {
		for name, send := range map[string]func(http.ResponseWriter){
			"Redirect":        func(w http.ResponseWriter) { respond.Redirect(w, 303, c.location) },
			"Created":         func(w http.ResponseWriter) { respond.Created(w, c.location, nil) },
			"Accepted":        func(w http.ResponseWriter) { respond.Accepted(w, c.location, 0, nil) },
			"MultipleChoices": func(w http.ResponseWriter) { respond.MultipleChoices(w, c.location, []string{}) },
		} {
			res, _ := do(t, "GET", func(w http.ResponseWriter, r *http.Request) { send(w) })
			assert.Equal(t, []string{c.want}, res.Header["Location"], name)
			assert.Empty(t, res.Header["Set-Cookie"], name)
		}
	}
}

func TestMultipleChoicesSendsTheChoices(t *testing.T) {
	res, body := do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
		respond.MultipleChoices(w, "", []string{"/a.png", "/a.webp"})
	})
	assert.Equal(t, 300, res.StatusCode)
	assert.Equal(t, "[\"/a.png\",\"/a.webp\"]\n", body)
	assert.Empty(t, res.Header["Location"])
}

func TestRedirectorAllowsNoOtherSite(t *testing.T) {
	d := respond.Redirector{Hosts: []string{"shop.example.com", "127.0.0.1:8080", ""}}
	for _, c := range []struct {
		location string
		want     bool
		reason   string
	}{
		{"/", true, "a path"},
		{"/a/b?next=//evil.example#c", true, "only the query has it"},
		{"https://shop.example.com/a", true, "a host of the list"},
		{"HTTPS://SHOP.example.com", true, "in any case"},
		{"http://127.0.0.1:8080/", true, "with its port"},
		{"", false, "nothing"},
		{"a", false, "relative to who knows what"},
		{"?a=b", false, "relative"},
		{"//evil.example", false, "another host without a scheme"},
		{"///evil.example", false, "browsers skip slashes"},
		{`/\evil.example`, false, "browsers read a slash"},
		{`\/evil.example`, false, "browsers read a slash"},
		{`\\evil.example`, false, "browsers read slashes"},
		{"/\t/evil.example", false, "browsers remove tabs"},
		{"/\n/evil.example", false, "and line breaks"},
		{" //evil.example", false, "and white space in front"},
		{"\x00//evil.example", false, "and control characters"},
		{"/a b", false, "white space"},
		{"/a\r\nb", false, "a line break"},
		{"https://evil.example", false, "another host"},
		{"https:evil.example", false, "browsers add the slashes"},
		{"https:/evil.example", false, "browsers add the slashes"},
		{"https:///evil.example", false, "no host, for package url"},
		{"https://shop.example.com@evil.example", false, "the host is a user"},
		{"https://user@shop.example.com", false, "a user"},
		{"https://shop.example.com:444/", false, "another port"},
		{"https://shop.example.com.evil.example", false, "a longer host"},
		{"https://evil.example/shop.example.com", false, "the host is a path"},
		{"javascript:alert(1)", false, "a script"},
		{"data:text/html,x", false, "a page"},
		{"ftp://shop.example.com", false, "another scheme"},
		{"//shop.example.com", false, "say which scheme"},
		{"/%", false, "no URI"},
	} {
		assert.Equal(t, c.want, d.Allows(c.location), "%q: %s", c.location, c.reason)
		res, _ := do(t, "GET", func(w http.ResponseWriter, r *http.Request) { d.Redirect(w, 303, c.location) })
		want := 400
		if c.want {
			want = 303
		}
		assert.Equal(t, want, res.StatusCode, "%q: %s", c.location, c.reason)
		if !c.want {
			assert.Empty(t, res.Header.Get("Location"), c.location)
		}
	}
	assert.False(t, respond.Redirector{}.Allows("https://shop.example.com/"), "paths only by default")
}

func TestRedirectorFallsBack(t *testing.T) {
	res, _ := do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
		respond.Redirector{Fallback: "/home"}.Redirect(w, 303, "//evil.example")
	})
	assert.Equal(t, 303, res.StatusCode)
	assert.Equal(t, "/home", res.Header.Get("Location"))
}

// FuzzRedirectorAllows resolves each allowed location as clients do, also those that
// read backslashes as slashes and remove tabs and line breaks. The result must be on
// the same host.
func FuzzRedirectorAllows(f *testing.F) {
	for _, s := range []string{"/", "//e", `/\e`, "/\t/e", "https:e", "///e", "/..//e", "/.//e", "/a:b", "http://u@h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, location string) {
		if !(respond.Redirector{}).Allows(location) {
			return
		}
		base, _ := url.Parse("https://here.example/a/b")
		for _, read := range []string{location, strings.NewReplacer(`\`, "/", "\t", "", "\r", "", "\n", "").Replace(location)} {
			assert.False(t, strings.HasPrefix(read, "//"), "browsers skip further slashes before the host")
			u, err := base.Parse(read)
			if assert.NoError(t, err) {
				assert.Equal(t, "here.example", u.Host)
				assert.Equal(t, "https", u.Scheme)
			}
		}
	})
}
