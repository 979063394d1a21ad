package respond_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 999, time.UTC)

const (
	beforeNoon = "Sun, 01 Mar 2026 11:59:59 GMT"
	atNoon     = "Sun, 01 Mar 2026 12:00:00 GMT"
	afterNoon  = "Sun, 01 Mar 2026 12:00:01 GMT"
)

func TestEvaluateFollowsTheOrderOfTheRFC(t *testing.T) {
	strong := respond.Validators{Tag: "7", Modified: noon}
	weak := respond.Validators{Tag: "7", Weak: true}
	tagged := respond.Validators{Tag: "7"}
	dated := respond.Validators{Modified: noon}
	none := respond.Validators{}
	for _, c := range []struct {
		v      respond.Validators
		method string
		fields string // name=value, separated by |
		want   int
		reason string
	}{
		{strong, "GET", "", 0, "no condition"},
		// step 1: If-Match, strong
		{strong, "PUT", `If-Match="7"`, 0, "equal"},
		{strong, "PUT", `If-Match="6"`, 412, "another"},
		{strong, "GET", `If-Match="6"`, 412, "also for reads"},
		{strong, "PUT", `If-Match="6", "7"`, 0, "one of a list"},
		{strong, "PUT", `If-Match="6"|If-Match="7"`, 0, "several fields are one list"},
		{strong, "PUT", `If-Match=W/"7"`, 412, "a weak tag never matches strongly"},
		{weak, "PUT", `If-Match="7"`, 412, "nor does a weak version"},
		{weak, "PUT", `If-Match=W/"7"`, 412, "not even with itself"},
		{strong, "PUT", `If-Match=*`, 0, "there is one"},
		{dated, "PUT", `If-Match=*`, 0, "there is one"},
		{none, "PUT", `If-Match=*`, 412, "there is none"},
		{none, "PUT", `If-Match="7"`, 412, "there is none"},
		{none, "PUT", `If-Match=""`, 412, "there is none, not an empty tag"},
		{strong, "PUT", `If-Match=7`, 412, "no tag: on the safe side"},
		{strong, "PUT", `If-Match=`, 412, "an empty list"},
		{strong, "PUT", `If-Match="6", *`, 412, "a star stands alone"},
		{strong, "PUT", `If-Match=*|If-Match="7"`, 412, "a star stands alone"},
		{strong, "PUT", `If-Match="6" "7"`, 412, "no comma"},
		{strong, "PUT", `If-Match=, ,"7",`, 0, "empty members do not count"},
		{strong, "PUT", `If-Match=w/"7"`, 412, "case matters"},
		{strong, "PUT", `If-Match="a,b", "7"`, 0, "a comma in a tag"},
		{strong, "PUT", `If-Match="7`, 412, "never closed"},
		// step 2: If-Unmodified-Since
		{strong, "PUT", "If-Unmodified-Since=" + atNoon, 0, "the same second"},
		{strong, "PUT", "If-Unmodified-Since=" + afterNoon, 0, "later"},
		{strong, "PUT", "If-Unmodified-Since=" + beforeNoon, 412, "changed since"},
		{strong, "PUT", `If-Match="7"|If-Unmodified-Since=` + beforeNoon, 0, "ignored beside If-Match"},
		{tagged, "PUT", "If-Unmodified-Since=" + beforeNoon, 0, "no date to compare"},
		{strong, "PUT", "If-Unmodified-Since=yesterday", 0, "no date"},
		{strong, "PUT", "If-Unmodified-Since=" + beforeNoon + "|If-Unmodified-Since=" + beforeNoon, 0, "two dates"},
		// step 3: If-None-Match, weak
		{strong, "GET", `If-None-Match="7"`, 304, "equal"},
		{strong, "HEAD", `If-None-Match="7"`, 304, "equal"},
		{strong, "GET", `If-None-Match=W/"7"`, 304, "weakly equal"},
		{weak, "GET", `If-None-Match="7"`, 304, "weakly equal"},
		{strong, "GET", `If-None-Match="6"`, 0, "another"},
		{strong, "PUT", `If-None-Match="7"`, 412, "not for writes"},
		{strong, "PUT", `If-None-Match=*`, 412, "create only: there is one"},
		{none, "PUT", `If-None-Match=*`, 0, "create only: there is none"},
		{strong, "GET", `If-None-Match=7`, 0, "no tag"},
		{strong, "PUT", `If-Match="7"|If-None-Match="7"`, 412, "both count"},
		{strong, "PUT", `If-Match="6"|If-None-Match="8"`, 412, "the first decides"},
		// step 4: If-Modified-Since
		{strong, "GET", "If-Modified-Since=" + atNoon, 304, "not since"},
		{strong, "HEAD", "If-Modified-Since=" + afterNoon, 304, "not since"},
		{strong, "GET", "If-Modified-Since=" + beforeNoon, 0, "changed since"},
		{strong, "GET", "If-Modified-Since=Sunday, 01-Mar-26 12:00:00 GMT", 304, "an old form of date"},
		{strong, "PUT", "If-Modified-Since=" + atNoon, 0, "reads only"},
		{strong, "GET", `If-None-Match="6"|If-Modified-Since=` + atNoon, 0, "ignored beside If-None-Match"},
		{tagged, "GET", "If-Modified-Since=" + atNoon, 0, "no date to compare"},
		{strong, "GET", "If-Modified-Since=0", 0, "no date"},
		{strong, "GET", "If-Modified-Since=" + atNoon + "|If-Modified-Since=" + atNoon, 0, "two dates"},
		// RFC 10008: QUERY reads
		{strong, "QUERY", `If-None-Match="7"`, 304, "equal"},
		{strong, "QUERY", `If-None-Match="6"`, 0, "another"},
		{strong, "QUERY", "If-Modified-Since=" + atNoon, 304, "not since"},
		{strong, "QUERY", `If-Match="6"`, 412, "another"},
		// 13.2.1
		{strong, "OPTIONS", `If-Match="6"`, 0, "selects nothing"},
		{strong, "TRACE", `If-None-Match="7"`, 0, "selects nothing"},
		{strong, "CONNECT", `If-Match="6"`, 0, "selects nothing"},
	} {
		r := httptest.NewRequest(c.method, "/", nil)
		for field := range strings.SplitSeq(c.fields, "|") {
			if name, value, ok := strings.Cut(field, "="); ok {
				r.Header.Add(name, value)
			}
		}
		assert.Equal(t, c.want, c.v.Evaluate(r), "%s %s: %s", c.method, c.fields, c.reason)
	}
}

func TestConditionalSendsTheValidators(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		if respond.Conditional(w, r, respond.Validators{Tag: "7", Modified: noon}) {
			return
		}
		respond.JSON(w, 200, "order")
	}
	for _, c := range []struct {
		field, value string
		code         int
		cache        string
	}{
		{"If-None-Match", `"6"`, 200, "max-age=60"},
		{"If-None-Match", `"7"`, 304, "max-age=60"},
		{"If-Match", `"6"`, 412, "no-store"},
	} {
		for _, get := range bothVersions {
			res, body := get(t, "GET", h, c.field, c.value)
			assert.Equal(t, c.code, res.StatusCode)
			assert.Equal(t, `"7"`, res.Header.Get("ETag"), c.code)
			assert.Equal(t, atNoon, res.Header.Get("Last-Modified"), c.code)
			assert.Equal(t, c.cache, res.Header.Get("Cache-Control"), c.code)
			assert.Equal(t, c.code == 304, body == "", c.code)
		}
	}
	head, body := do10(t, "GET", h)
	assert.Contains(t, head, `Etag: "7"`)
	assert.Equal(t, "\"order\"\n", body)
}

func TestConditionalReadsAQuery(t *testing.T) {
	srv := wiretest.Start(t, wiretest.HTTP1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !respond.Conditional(w, r, respond.Validators{Tag: "7"}) {
			respond.JSON(w, 200, "result")
		}
	}))
	res, body := doOn(t, srv, "QUERY", "/x", "If-None-Match", `"6"`)
	assert.Equal(t, 200, res.StatusCode)
	assert.Equal(t, "\"result\"\n", body)
	res, body = doOn(t, srv, "QUERY", "/x", "If-None-Match", `W/"7"`)
	assert.Equal(t, 304, res.StatusCode)
	assert.Empty(t, body)
}

// A time in the future is sent as the present, and a client that sends that back gets
// the resource, not a wrong 304.
func TestLastModifiedIsNeverInTheFuture(t *testing.T) {
	srv := wiretest.Start(t, wiretest.HTTP1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !respond.Conditional(w, r, respond.Validators{Modified: time.Now().Add(time.Hour)}) {
			respond.NoContent(w)
		}
	}))
	res, _ := doOn(t, srv, "GET", "/x")
	modified, err := http.ParseTime(res.Header.Get("Last-Modified"))
	require.NoError(t, err)
	date, err := http.ParseTime(res.Header.Get("Date"))
	require.NoError(t, err)
	assert.False(t, modified.After(date), "%s, at %s", modified, date)
	res, _ = doOn(t, srv, "GET", "/x", "If-Modified-Since", res.Header.Get("Last-Modified"))
	assert.Equal(t, 204, res.StatusCode)
}

func TestRequireProtectsAgainstLostUpdates(t *testing.T) {
	var mu sync.Mutex
	revision := 0
	srv := wiretest.Start(t, wiretest.HTTP1, respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		mu.Lock()
		defer mu.Unlock()
		if err := (respond.Validators{Tag: strconv.Itoa(revision)}).Require(r); err != nil {
			return err
		}
		revision++
		respond.Validators{Tag: strconv.Itoa(revision)}.SetHeader(w.Header())
		respond.NoContent(w)
		return nil
	}))

	res, body := doOn(t, srv, "PUT", "/x")
	assert.Equal(t, 428, res.StatusCode)
	assert.Contains(t, body, "If-Match", "it describes what to send")

	codes := make(chan int)
	for range 5 {
		go func() {
			res, _ := doOn(t, srv, "PUT", "/x", "If-Match", `"0"`)
			codes <- res.StatusCode
		}()
	}
	count := map[int]int{}
	for range 5 {
		count[<-codes]++
	}
	assert.Equal(t, map[int]int{204: 1, 412: 4}, count, "one of five wins")

	res, _ = doOn(t, srv, "PUT", "/x", "If-Match", `"0"`)
	assert.Equal(t, 412, res.StatusCode)
	assert.Equal(t, `"1"`, res.Header.Get("ETag"), "the current version")
	res, _ = doOn(t, srv, "PUT", "/x", "If-Match", `"1"`)
	assert.Equal(t, `"2"`, res.Header.Get("ETag"))
}

func TestCheckRequiresNoPrecondition(t *testing.T) {
	r := httptest.NewRequest("PUT", "/", nil)
	assert.NoError(t, respond.Validators{Tag: "7"}.Check(r))
	r.Header.Set("If-Match", `"6"`)
	err := respond.Validators{}.Check(r)
	assert.ErrorIs(t, err, problem.New(412))
	assert.Nil(t, problem.From(err).Header, "no validators to send")
}

func TestETagIsAlwaysValid(t *testing.T) {
	for _, c := range []struct {
		v    respond.Validators
		want string
	}{
		{respond.Validators{}, ""},
		{respond.Validators{Tag: "7"}, `"7"`},
		{respond.Validators{Tag: "7", Weak: true}, `W/"7"`},
		{respond.Validators{Tag: `a"b c` + "\r\n%é"}, `"a%22b%20c%0D%0A%25%C3%A9"`},
	} {
		assert.Equal(t, c.want, c.v.ETag())
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("If-None-Match", c.want)
		assert.Equal(t, c.want != "", c.v.Evaluate(r) == 304, "it matches itself")
	}
}

func TestPreconditionsAreReadUpToABound(t *testing.T) {
	r := httptest.NewRequest("PUT", "/", nil)
	r.Header.Set("If-Match", strings.Repeat(`"6",`, 4000)+`"7"`)
	assert.Equal(t, 412, respond.Validators{Tag: "7"}.Evaluate(r))
}

// FuzzValidators appends a tag to any list: it is found unless the list is malformed,
// and neither a read nor a write gets a status of the other.
func FuzzValidators(f *testing.F) {
	for _, s := range []string{"", "*", `"a"`, `W/"a", "b"`, `"a" "b"`, `,,`, `"`, "W/", `"é"`} {
		f.Add(s, "7")
	}
	f.Fuzz(func(t *testing.T, list, tag string) {
		v := respond.Validators{Tag: tag}
		get, put := httptest.NewRequest("GET", "/", nil), httptest.NewRequest("PUT", "/", nil)
		get.Header.Set("If-None-Match", list)
		put.Header.Set("If-Match", list)
		read, write := v.Evaluate(get), v.Evaluate(put)
		assert.Contains(t, []int{0, 304}, read)
		assert.Contains(t, []int{0, 412}, write)
		if write == 0 { // what matches strongly matches weakly
			assert.Equal(t, 304, read)
		}
		if tag != "" && len(list)+3*len(tag) < 8000 {
			get.Header.Set("If-None-Match", v.ETag()+", "+list)
			assert.Equal(t, 304, v.Evaluate(get))
		}
	})
}

// An update that cannot overwrite the change of another client.
func ExampleValidators_Require() {
	order, revision := "tea", 1
	h := respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		if err := (respond.Validators{Tag: strconv.Itoa(revision)}).Require(r); err != nil {
			return err
		}
		order, revision = "coffee", revision+1
		respond.NoContent(w)
		return nil
	})
	for range 2 {
		r := httptest.NewRequest("PUT", "/orders/17", nil)
		r.Header.Set("If-Match", `"1"`)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, order)
	}
	// Output:
	// 204 coffee
	// 412 coffee
}

// RFC 9110, section 13.1.4: a precondition that has to be ignored protects nothing.
func TestRequireIgnoresWhatEvaluateIgnores(t *testing.T) {
	year := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	both, tagged := respond.Validators{Tag: "v1", Modified: year}, respond.Validators{Tag: "v1"}
	date := year.Format(http.TimeFormat)
	long := strings.Repeat(`"x", `, 1<<16) + `"x"`
	for _, c := range []struct {
		v      respond.Validators
		field  string
		values []string
		want   int // 0 means to process the request
	}{
		{both, "If-Unmodified-Since", []string{date}, 0},
		{both, "If-Unmodified-Since", []string{"Thu, 01 Jan 1998 00:00:00 GMT"}, 412},
		{both, "If-Unmodified-Since", []string{"garbage"}, 428},
		{both, "If-Unmodified-Since", []string{date, date}, 428},
		{both, "If-Unmodified-Since", []string{strings.Replace(date, "GMT", "UTC", 1)}, 428},
		{tagged, "If-Unmodified-Since", []string{date}, 428},
		{both, "If-None-Match", []string{""}, 428},
		{both, "If-None-Match", []string{", ,"}, 428},
		{both, "If-None-Match", []string{"garbage"}, 428},
		{both, "If-None-Match", []string{`"a" "b"`}, 428},
		{both, "If-None-Match", []string{long}, 428},
		{both, "If-None-Match", []string{`"a"`, `W/"b"`}, 0},
		{both, "If-None-Match", []string{"*"}, 412},
		{both, "If-Match", []string{"garbage"}, 412},
		{both, "If-Match", []string{`"v1"`}, 0},
	} {
		r := httptest.NewRequest("PUT", "/", nil)
		r.Header[c.field] = c.values
		got := 0
		if err := c.v.Require(r); err != nil {
			got = problem.From(err).Status
		}
		assert.Equal(t, c.want, got, "%s: %.60q", c.field, c.values)
	}
}

func TestZeroTimeIsUnknownInAnyZone(t *testing.T) {
	for _, v := range []respond.Validators{{}, {Weak: true}, {Modified: time.Time{}.In(time.FixedZone("x", 3600))}} {
		r := httptest.NewRequest("PUT", "/", nil)
		r.Header.Set("If-None-Match", "*")
		assert.Equal(t, 0, v.Evaluate(r), "%v", v)
		r = httptest.NewRequest("PUT", "/", nil)
		r.Header.Set("If-Match", "*")
		assert.Equal(t, 412, v.Evaluate(r), "%v", v)
	}
}
