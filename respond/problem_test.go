package respond_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/internal/race"
	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// sends returns a handler that responds with d.
func sends(d *problem.Details) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { respond.Problem(w, r, d) }
}

func TestProblemHasTheFormThatClientsPrefer(t *testing.T) {
	for _, c := range []struct{ accept, want string }{
		{"*/*", "application/problem+json"},
		{"application/xml", "application/problem+xml"},
		{browser, "text/html; charset=utf-8"},
		{"application/json, text/html", "application/problem+json"},
		{"text/html;q=0, application/json;q=0, */*", "application/problem+xml"},
		{"image/png", "application/problem+json"},
		{"*/*;q=0", "application/problem+json"},
	} {
		res, body := do(t, "GET", sends(problem.New(404, problem.Detail("no order <17>"))), "Accept", c.accept)
		assert.Equal(t, 404, res.StatusCode, c.accept)
		assert.Equal(t, c.want, res.Header.Get("Content-Type"), c.accept)
		assert.Equal(t, []string{"Accept"}, res.Header["Vary"], c.accept)
		assert.Equal(t, "no-store", res.Header.Get("Cache-Control"), c.accept)
		assert.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"), c.accept)
		assert.Equal(t, int64(len(body)), res.ContentLength, c.accept)
		switch c.want {
		case problem.MediaTypeHTML:
			assert.Equal(t, problem.HTMLSecurityPolicy, res.Header.Get("Content-Security-Policy"))
			assert.Contains(t, body, "no order &lt;17&gt;")
		case problem.MediaTypeXML:
			var d problem.Details
			require.NoError(t, xml.Unmarshal([]byte(body), &d))
			assert.Equal(t, "no order <17>", d.Detail)
		default:
			assert.Equal(t, `{"type":"about:blank","title":"Not Found","status":404,"detail":"no order <17>"}`, body)
		}
	}
}

func TestProblemForHEADHasTheHeaderOfGET(t *testing.T) {
	for _, accept := range []string{"*/*", "application/xml", browser} {
		h := sends(problem.New(410))
		get, _ := do(t, "GET", h, "Accept", accept)
		head, body := do(t, "HEAD", h, "Accept", accept)
		delete(get.Header, "Date")
		delete(head.Header, "Date")
		assert.Equal(t, get.Header, head.Header)
		assert.Empty(t, body)
	}
}

func TestProblemKeepsTheVaryOfOuterLayers(t *testing.T) {
	res, _ := do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "Origin")
		respond.Problem(w, r, problem.New(404, problem.Header("Vary", "Cookie"), problem.Header("Vary", "Origin")))
	})
	assert.Equal(t, []string{"Origin", "Cookie", "Accept"}, res.Header["Vary"])
}

func TestProblemAppendsToNoSliceOfTheCaller(t *testing.T) {
	shared := []string{"</a>; rel=a", "</b>; rel=b"}
	w := httptest.NewRecorder()
	w.Header()["Link"] = shared[:1]
	respond.Problem(w, nil, problem.New(404, problem.Header("Link", "</c>; rel=c")))
	assert.Equal(t, []string{"</a>; rel=a", "</c>; rel=c"}, w.Header()["Link"])
	assert.Equal(t, []string{"</a>; rel=a", "</b>; rel=b"}, shared)
}

func TestProblemCannotChangeTheFraming(t *testing.T) {
	log := wiretest.DefaultLog(t)
	d := problem.New(401, problem.Challenge(`Bearer realm="a"`, `Basic realm="b"`),
		problem.Header("Content-Length", "3"), problem.Header("content-type", "text/html"),
		problem.Header("Content-Encoding", "br"), problem.Header("Transfer-Encoding", "chunked"),
		problem.Header("Cache-Control", "max-age=5"))
	res, body := do(t, "GET", sends(d))
	assert.Equal(t, []string{`Bearer realm="a"`, `Basic realm="b"`}, res.Header["Www-Authenticate"])
	assert.Equal(t, "application/problem+json", res.Header.Get("Content-Type"))
	assert.Equal(t, int64(len(body)), res.ContentLength)
	assert.Empty(t, res.Header.Get("Content-Encoding"))
	assert.Equal(t, "max-age=5", res.Header.Get("Cache-Control"))
	assert.Empty(t, log.String())
}

func TestProblemCannotBeStoredIfTheCodeForbidsIt(t *testing.T) {
	for _, code := range []int{428, 429, 431, 511} { // RFC 6585
		res, _ := do(t, "GET", sends(problem.New(code, problem.Header("Cache-Control", "max-age=5"))))
		assert.Equal(t, "no-store", res.Header.Get("Cache-Control"), code)
	}
}

func TestProblemCannotSplitTheHeader(t *testing.T) {
	d := problem.New(400, problem.Header("X-Echo", "a\r\nSet-Cookie: b=c\x00"))
	for _, get := range bothVersions {
		res, _ := get(t, "GET", sends(d))
		assert.Equal(t, "a  Set-Cookie: b=c", strings.TrimRight(res.Header.Get("X-Echo"), " "))
		assert.Empty(t, res.Header.Get("Set-Cookie"))
	}
	assert.Equal(t, "a\r\nSet-Cookie: b=c\x00", d.Header.Get("X-Echo"), "the problem itself is not changed")
}

func TestProblemHasNoConnectionFieldsOverHTTP2(t *testing.T) {
	for _, h := range []http.HandlerFunc{
		sends(problem.New(426, problem.Upgrade("websocket"))),
		func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 426, problem.Upgrade("websocket")) },
	} {
		res, _ := do(t, "GET", h)
		assert.Equal(t, "websocket", res.Header.Get("Upgrade"))
		assert.Equal(t, "Upgrade", res.Header.Get("Connection"))
		res, _ = do2(t, "GET", h)
		assert.Empty(t, res.Header.Get("Upgrade"))
		assert.Empty(t, res.Header.Get("Connection"))
	}
}

func TestProblemNamesUpgradeInConnection(t *testing.T) {
	capture := middleware.Capture(func(*http.Request, middleware.Result) {}) // with it Error knows the request
	for name, h := range map[string]http.HandlerFunc{
		"Problem": sends(problem.New(426, problem.Upgrade("websocket"))),
		"Error": capture(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			respond.Error(w, 426, problem.Upgrade("websocket"))
		})).ServeHTTP,
		"Error without options": capture(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Upgrade", "websocket")
			respond.Error(w, 426)
		})).ServeHTTP,
	} {
		head, _ := do10(t, "GET", h)
		assert.Contains(t, head, "Upgrade: websocket\r\n", name)
		assert.Regexp(t, `(?m)^Connection: .*Upgrade`, head, name)
		res, _ := do2(t, "GET", h)
		assert.Empty(t, res.Header["Upgrade"], name)
	}
}

func TestErrorDropsTheUpgradeOfAnotherStatus(t *testing.T) {
	res, _ := do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Upgrade", "websocket")
		respond.Error(w, 500)
	})
	assert.Empty(t, res.Header["Upgrade"])
}

func TestProblemIsNotChangedByItsWriter(t *testing.T) {
	shared := problem.New(409, problem.Extension("order", 17), problem.Header("Link", "<https://example.com/>; rel=help"))
	before, _ := json.Marshal(shared)
	p := respond.Responder{
		Instance: func(*http.Request) string { return "/failures/1" },
		Localize: func(_ *http.Request, d *problem.Details) string {
			d.Title, d.Extensions["order"] = "Konflikt", 18
			d.Header.Set("X", "y")
			return "de"
		},
	}
	srv := wiretest.Start(t, wiretest.HTTP1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.Problem(w, r, shared)
		w.Header()["Link"][0] = "changed"
	}))
	done := make(chan bool)
	for range 4 {
		go func() {
			defer func() { done <- true }()
			for range 5 {
				_, body := doOn(t, srv, "GET", "/x")
				assert.Contains(t, body, "Konflikt")
			}
		}()
	}
	for range 4 {
		<-done
	}
	after, _ := json.Marshal(shared)
	assert.Equal(t, string(before), string(after))
	assert.Equal(t, http.Header{"Link": {"<https://example.com/>; rel=help"}}, shared.Header)
}

func TestProblemWithoutAStatusIsA500(t *testing.T) {
	for name, d := range map[string]*problem.Details{
		"nil": nil, "zero": {}, "no status": {Title: "Lost", Detail: "secret"}, "interim": problem.New(103), "huge": {Status: 1000},
	} {
		log := wiretest.DefaultLog(t)
		res, body := do(t, "GET", sends(d))
		assert.Equal(t, 500, res.StatusCode, name)
		assert.Contains(t, body, `"status":500`, name)
		assert.NotContains(t, body, "secret", name)
		assert.Equal(t, 1, strings.Count(log.String(), "level=ERROR"), name)
	}
}

func TestProblemWithoutARequestIsJSON(t *testing.T) {
	w := httptest.NewRecorder()
	respond.Problem(w, nil, problem.New(404))
	respond.Fail(httptest.NewRecorder(), nil, context.Canceled)
	assert.Equal(t, "application/problem+json", w.Result().Header.Get("Content-Type"))
	assert.Empty(t, w.Result().Header["Vary"])
}

func TestProblemWithoutATitleHasTheReason(t *testing.T) {
	_, body := do(t, "GET", sends(&problem.Details{Status: 404}))
	assert.Equal(t, `{"type":"about:blank","title":"Not Found","status":404}`, body)
	_, body = do(t, "GET", sends(&problem.Details{Type: "https://example.com/p", Status: 404}))
	assert.Equal(t, `{"type":"https://example.com/p","status":404}`, body)
}

func TestProblemDropsAnExtensionThatFails(t *testing.T) {
	log := wiretest.DefaultLog(t)
	_, body := do(t, "GET", sends(problem.New(409, problem.Detail("taken"), problem.Extension("bad", func() {}), problem.Extension("good", 1))))
	assert.Equal(t, `{"type":"about:blank","title":"Conflict","status":409,"detail":"taken","good":1}`, body)
	assert.Contains(t, log.String(), "bad")
}

func TestProblemNeverSendsItsCause(t *testing.T) {
	wiretest.DefaultLog(t)
	const secret = "sk-3141592653589793"
	d := problem.New(500, problem.Cause(errors.Join(io.EOF, errors.New(secret))))
	for _, accept := range []string{"*/*", "application/xml", browser} {
		res, body := do(t, "GET", sends(d), "Accept", accept)
		assert.NotContains(t, body, secret)
		for field, values := range res.Header {
			assert.NotContains(t, strings.Join(values, ""), secret, field)
		}
	}
}
func TestProblemOfAnotherServerBecomesA502(t *testing.T) {
	log := wiretest.DefaultLog(t)
	upstream := wiretest.Start(t, wiretest.HTTP1, sends(problem.New(403, problem.Detail("account 7 is locked"), problem.Header("Set-Cookie", "a=b"))))
	res, err := http.Get(upstream.URL)
	require.NoError(t, err)
	defer res.Body.Close()
	var d *problem.Details
	require.ErrorAs(t, problem.CheckResponse(res), &d)
	got, body := do(t, "GET", sends(d))
	assert.Equal(t, 502, got.StatusCode)
	assert.NotContains(t, body, "account 7")
	assert.Empty(t, got.Header.Get("Set-Cookie"))
	assert.Contains(t, log.String(), "account 7 is locked")
}

// The values are adjacent in memory. Vary is one of them.
func TestProblemSharesNoHeaderValues(t *testing.T) {
	d := problem.New(404)
	for name, send := range map[string]func(http.ResponseWriter, *http.Request){
		"Problem":    func(w http.ResponseWriter, r *http.Request) { respond.Problem(w, r, d) },
		"Prepare":    respond.Prepare(d).ServeHTTP,
		"Handler":    respond.Handler(func(http.ResponseWriter, *http.Request) error { return d }).ServeHTTP,
		"no request": func(w http.ResponseWriter, r *http.Request) { respond.Problem(w, nil, d) },
	} {
		header := func() http.Header {
			w := httptest.NewRecorder()
			send(w, httptest.NewRequest("GET", "/", nil))
			return w.Header()
		}
		want := header().Clone()
		first := header()
		for field := range first {
			_ = append(first[field], "appended")
		}
		assert.Equal(t, want, first, name)
		for field := range first {
			first[field][0] = "changed"
		}
		for field := range first {
			assert.Equal(t, []string{"changed"}, first[field], name)
		}
		assert.Equal(t, want, header(), name)
	}
}

func TestProblemAllocatesOnce(t *testing.T) {
	if race.Enabled {
		t.Skip("the pool drops buffers")
	}
	w, r := &discard{header: http.Header{}}, httptest.NewRequest("GET", "/", nil)
	d := problem.New(429, problem.Detail("too fast"))
	send := respond.Prepare(d)
	for name, f := range map[string]func(){
		"Problem": func() { respond.Problem(w, r, d) },
		"Prepare": func() { send.ServeHTTP(w, r) },
	} {
		assert.LessOrEqual(t, testing.AllocsPerRun(100, func() {
			clear(w.header)
			f()
		}), 1.0, name)
	}
}

// The oracle is Problem: a client sees no difference.
func TestPrepareSendsWhatProblemSends(t *testing.T) {
	for reason, d := range map[string]*problem.Details{
		"a type with an extension":          problem.QuotaExceeded.New(problem.Extension("violated-policies", []string{"a"}), problem.Header("Retry-After", "7")),
		"a code":                            problem.New(404),
		"a header of its own":               problem.New(503, problem.Header("Cache-Control", "max-age=1"), problem.Header("Link", "</help>; rel=help")),
		"no problem":                        nil,
		"no title":                          {Status: 400},
		"no status":                         {Title: "x"},
		"a code that forbids a body":        problem.New(304),
		"a cause, which is logged":          problem.New(500, problem.Cause(errors.New("secret"))),
		"an extension that cannot be sent":  problem.New(400, problem.Extension("f", func() {})),
		"an extension of a forbidden name":  problem.New(400, problem.Extension("status", 200)),
		"a detail that needs to be escaped": problem.New(400, problem.Detail("<\"\u2028>")),
	} {
		t.Run(reason, func(t *testing.T) {
			prepared := respond.Prepare(d)
			for _, accept := range []string{"", "*/*", "application/json", "text/html", "application/problem+xml", "image/png", "application/problem+json;q=0"} {
				for _, method := range []string{"GET", "HEAD"} {
					want, got := httptest.NewRecorder(), httptest.NewRecorder()
					for w, f := range map[*httptest.ResponseRecorder]func(http.ResponseWriter, *http.Request){
						want: func(w http.ResponseWriter, r *http.Request) { respond.Problem(w, r, d) },
						got:  prepared.ServeHTTP,
					} {
						r := httptest.NewRequest(method, "/", nil)
						if accept != "" {
							r.Header.Set("Accept", accept)
						}
						w.Header().Set("ETag", `"stale"`)
						w.Header().Set("Vary", "Origin")
						f(w, r)
					}
					assert.Equal(t, want.Code, got.Code, accept)
					assert.Equal(t, want.Header(), got.Header(), accept)
					assert.Equal(t, want.Body.String(), got.Body.String(), accept)
				}
			}
		})
	}
}

// encodings counts how often it is encoded.
type encodings struct{ n *atomic.Int32 }

func (e encodings) MarshalJSON() ([]byte, error) { e.n.Add(1); return []byte("1"), nil }

// endless is a layer whose Unwrap leads nowhere.
type endless struct{ http.ResponseWriter }

func (e endless) Unwrap() http.ResponseWriter { return e }

func TestPrepareEncodesOnce(t *testing.T) {
	for name, wrap := range map[string]func(http.ResponseWriter) http.ResponseWriter{
		"net/http's":         func(w http.ResponseWriter) http.ResponseWriter { return w },
		"unwrapped for ever": func(w http.ResponseWriter) http.ResponseWriter { return endless{w} },
	} {
		var n atomic.Int32
		send := respond.Prepare(problem.New(404, problem.Extension("n", encodings{&n})))
		before := n.Load()
		a := wiretest.Get(t, wiretest.HTTP1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			send.ServeHTTP(wrap(w), r)
		}))
		assert.EqualValues(t, 1, a.Problem(t)["n"], name)
		assert.Equal(t, before, n.Load(), name)
	}
}

func TestPrepareCopiesTheProblem(t *testing.T) {
	d := problem.New(404, problem.Extension("n", 1))
	send := respond.Prepare(d)
	d.Title, d.Extensions["n"] = "changed", 2
	for _, accept := range []string{"*/*", "application/problem+xml"} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept", accept)
		send.ServeHTTP(w, r)
		assert.NotContains(t, w.Body.String(), "changed")
		assert.NotContains(t, w.Body.String(), "2<")
	}
	w := httptest.NewRecorder()
	send.ServeHTTP(w, nil)
	assert.Equal(t, 404, w.Code)
}
