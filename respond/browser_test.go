package respond_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inBrowser is how a browser renders a page. The test reads it through DevTools, which
// the policy of the page does not restrict.
const inBrowser = `(() => {
	const rgb = s => s.match(/[\d.]+/g).map(Number)
	const luminance = c => c.slice(0, 3).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0)
	const background = e => { for (; e; e = e.parentElement) {
		const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c } return [255, 255, 255] }
	const faint = []
	for (const e of document.querySelectorAll('body *')) {
		if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue
		const [a, b] = [luminance(rgb(getComputedStyle(e).color)), luminance(background(e))].sort((x, y) => y - x)
		if ((a + .05) / (b + .05) < 4.5) faint.push(e.outerHTML)
	}
	return {
		background: getComputedStyle(document.body).backgroundColor,
		heading: document.querySelector('h1')?.textContent ?? '',
		direction: getComputedStyle(document.querySelector('h1') ?? document.body).direction,
		overflow: Math.max(0, document.documentElement.scrollWidth - innerWidth),
		faint, scripts: document.scripts.length, images: document.images.length,
	}
})()`

type rendered struct {
	Background, Heading, Direction string
	Overflow, Scripts, Images      int
	Faint                          []string
}

func TestHTMLRendersUnderItsPolicyInABrowser(t *testing.T) {
	hostile := `</title></style><script>document.body.textContent="script ran"</script><img src=x onerror="alert(1)">`
	problems := map[string]*problem.Details{
		"/404":     problem.New(404),
		"/busy":    problem.New(503, problem.RetryAfter(30*time.Second)),
		"/credit":  outOfCredit.New(problem.Detail("Your current balance is 30, but that costs 50."), problem.Instance("/account/12345/msgs/abc"), problem.Extension("balance", 30), problem.Extension("accounts", []string{"/account/12345"})),
		"/errors":  problem.New(422, problem.Errors(problem.FieldError{Detail: "must be a positive integer", Pointer: "#/age"}), problem.Extension("profile", map[string]any{"color": "yellow"})),
		"/hostile": problem.New(400, problem.Title(hostile), problem.Detail(hostile), problem.Instance("javascript:alert(1)"), problem.Extension(hostile, hostile)),
		"/wide":    problem.New(500, problem.Detail(strings.Repeat("w", 500)), problem.Extension(strings.Repeat("w", 500), strings.Repeat("w", 500)), problem.Extension("list", []any{strings.Repeat("w", 500), 1})),
		"/ar":      problem.New(404, problem.Title("غير موجود"), problem.Detail("لا يوجد طلب بهذا الرقم"), problem.Header("Content-Language", "ar")),
	}
	mux := http.NewServeMux()
	mux.Handle("/probs/", respond.Pages(outOfCredit, orderLocked, problem.QuotaExceeded))
	for path, d := range problems {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { respond.Problem(w, r, d) })
	}
	mux.HandleFunc("/broken", func(w http.ResponseWriter, r *http.Request) {
		page, _ := problem.New(404).AppendHTML(nil)
		w.Header().Set("Content-Security-Policy", problem.HTMLSecurityPolicy)
		_, _ = w.Write([]byte(strings.Replace(string(page), "<style>", "<style>/**/", 1)))
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	b := startBrowser(t)

	for _, screen := range []struct {
		width, height    int
		mobile           bool
		scheme, expected string // the background in that scheme
	}{
		{320, 568, true, "dark", "rgb(18, 19, 22)"}, // the narrowest phones
		{1280, 800, false, "light", "rgb(251, 251, 249)"},
	} {
		b.call("Emulation.setDeviceMetricsOverride", object{"width": screen.width, "height": screen.height, "mobile": screen.mobile, "deviceScaleFactor": 1}, nil)
		b.call("Emulation.setEmulatedMedia", object{"features": []object{{"name": "prefers-color-scheme", "value": screen.scheme}}}, nil)
		for path, heading := range map[string]string{
			"/404": "Not Found", "/credit": "You do not have enough credit.", "/errors": "Unprocessable Entity", "/hostile": hostile,
			"/wide": "Internal Server Error", "/ar": "غير موجود",
			"/probs/": "Problem types", "/probs/out-of-credit": "You do not have enough credit.", "/probs/431": "Request Header Fields Too Large",
		} {
			page, err := srv.Client().Do(asBrowser(t, srv.URL+path))
			if assert.NoError(t, err) {
				_ = page.Body.Close()
				assert.Equal(t, problem.HTMLSecurityPolicy, page.Header.Get("Content-Security-Policy"), path)
			}
			got, complaints := b.open(srv.URL + path)
			where := fmt.Sprintf("%s, %d wide, %s", path, screen.width, screen.scheme)
			direction := "ltr"
			if path == "/ar" {
				direction = "rtl"
			}
			assert.Empty(t, complaints, where)
			assert.Equal(t, rendered{Background: screen.expected, Heading: heading, Direction: direction, Faint: []string{}}, got, where)
		}
	}

	_, complaints := b.open(srv.URL + "/broken")
	assert.Contains(t, strings.Join(complaints, "\n"), "Content Security Policy", "a style that the policy does not allow is reported")
}

func asBrowser(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	require.NoError(t, err)
	r.Header.Set("Accept", browser)
	return r
}

type object = map[string]any

// chromium is a headless Chromium that reads commands of its DevTools protocol from a
// pipe.
type chromium struct {
	t       *testing.T
	in      *os.File
	out     *bufio.Reader
	session string
	last    int
	events  []message
}

type message struct {
	ID        int             `json:"id,omitempty"`
	Method    string          `json:"method,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     json.RawMessage `json:"error,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
}

// startBrowser skips the test if there is no Chromium, but not in CI, where a skipped
// test would stay unnoticed.
func startBrowser(t *testing.T) *chromium {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("Chromium is not installed; the pages have to be seen in a browser")
		}
		t.Skip("Chromium is not installed: the pages are not looked at in a browser")
	}
	profile, err := os.MkdirTemp("", "browser")
	require.NoError(t, err)
	theirIn, in, err := os.Pipe()
	require.NoError(t, err)
	out, theirOut, err := os.Pipe()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // the pipe closes with the process
	cmd := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage",
		"--user-data-dir="+profile, "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	require.NoError(t, cmd.Start())
	_ = theirIn.Close()
	_ = theirOut.Close()
	b := &chromium{t: t, in: in, out: bufio.NewReader(out)}
	t.Cleanup(func() {
		b.session = ""
		b.send("Browser.close", nil)
		_ = cmd.Wait()
		cancel()
		_ = in.Close()
		_ = out.Close()
		_ = os.RemoveAll(profile) // a helper process may still be writing to it
	})
	var target struct{ TargetID, SessionID string }
	b.call("Target.createTarget", object{"url": "about:blank"}, &target)
	b.call("Target.attachToTarget", object{"targetId": target.TargetID, "flatten": true}, &target)
	b.session = target.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(domain+".enable", nil, nil)
	}
	return b
}

func (b *chromium) send(method string, params object) {
	b.last++
	m := object{"id": b.last, "method": method}
	if params != nil {
		m["params"] = params
	}
	if b.session != "" {
		m["sessionId"] = b.session
	}
	line, _ := json.Marshal(m)
	_, _ = b.in.Write(append(line, 0)) // receive reports that the browser has ended
}

func (b *chromium) receive() (m message) {
	b.t.Helper()
	line, err := b.out.ReadBytes(0)
	require.NoError(b.t, err, "the browser is gone")
	require.NoError(b.t, json.Unmarshal(line[:len(line)-1], &m))
	return m
}

// call sends a command and waits for its result.
func (b *chromium) call(method string, params object, result any) {
	b.t.Helper()
	b.send(method, params)
	for {
		m := b.receive()
		if m.ID == 0 {
			b.events = append(b.events, m)
			continue
		}
		require.Empty(b.t, string(m.Error), method)
		if result != nil {
			require.NoError(b.t, json.Unmarshal(m.Result, result))
		}
		return
	}
}

// open loads a page and returns how it is rendered, and the complaints of the browser:
// messages in its console, and requests for anything but the page.
func (b *chromium) open(url string) (got rendered, complaints []string) {
	b.t.Helper()
	b.events = nil
	b.call("Page.navigate", object{"url": url}, nil)
	loaded := func() bool {
		for _, e := range b.events {
			if e.Method == "Page.loadEventFired" {
				return true
			}
		}
		return false
	}
	for !loaded() {
		b.events = append(b.events, b.receive())
	}
	var result struct {
		Result struct{ Value rendered }
	}
	b.call("Runtime.evaluate", object{"expression": inBrowser, "returnByValue": true}, &result)
	for _, e := range b.events {
		switch e.Method {
		case "Log.entryAdded":
			// The status is an error on purpose.
			if !strings.Contains(string(e.Params), "Failed to load resource: the server responded with a status of") {
				complaints = append(complaints, string(e.Params))
			}
		case "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Page.javascriptDialogOpening":
			complaints = append(complaints, string(e.Params))
		case "Network.requestWillBeSent":
			var sent struct{ Request struct{ URL string } }
			require.NoError(b.t, json.Unmarshal(e.Params, &sent))
			if sent.Request.URL != url && sent.Request.URL != "data:," {
				complaints = append(complaints, "request for "+sent.Request.URL)
			}
		}
	}
	return result.Result.Value, complaints
}
