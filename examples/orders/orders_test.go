package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/rejoinder-go/rejoinder/examples/orders/api"
	"github.com/rejoinder-go/rejoinder/examples/orders/client"
	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware/middlewaretest"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

const origin = "https://app.example.com"

// started is a service on a real server, with a client for each plan.
func started(t *testing.T) (s *service, url string, free, pro *client.Client) {
	t.Helper()
	s = newService(origin, sdktrace.NewTracerProvider())
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	t.Cleanup(s.hub.end) // or Close waits for the streams
	return s, srv.URL, &client.Client{URL: srv.URL, Token: "demo-free", HTTP: srv.Client()},
		&client.Client{URL: srv.URL, Token: "demo-pro", HTTP: srv.Client()}
}

func TestOrdersInOneConversation(t *testing.T) {
	_, _, free, pro := started(t)
	ctx := t.Context()
	o, err := free.Create(ctx, api.OrderRequest{Item: "tea", Quantity: 2})
	require.NoError(t, err)
	assert.Equal(t, 1, o.ID)

	_, err = free.Create(ctx, api.OrderRequest{Item: "tea", Quantity: 9})
	require.ErrorIs(t, err, api.OutOfStock)
	var d *problem.Details
	require.ErrorAs(t, err, &d)
	var available int
	require.NoError(t, d.Extension("available", &available))
	assert.Equal(t, 8, available)
	assert.Contains(t, d.Instance, "urn:request:")

	_, err = free.Create(ctx, api.OrderRequest{})
	require.ErrorAs(t, err, &d)
	assert.Equal(t, 422, d.Status)
	var faults []problem.FieldError
	require.NoError(t, d.Extension("errors", &faults))
	require.Len(t, faults, 2)
	assert.Equal(t, []string{"#/item", "#/quantity"}, []string{faults[0].Pointer, faults[1].Pointer})

	changed, err := free.Update(ctx, o, api.OrderRequest{Item: "tea", Quantity: 3})
	require.NoError(t, err)
	_, err = free.Update(ctx, o, api.OrderRequest{Item: "tea", Quantity: 4})
	require.ErrorAs(t, err, &d)
	assert.Equal(t, 412, d.Status, "the order has changed since")

	_, err = pro.Update(ctx, changed, api.OrderRequest{Item: "tea", Quantity: 1})
	require.ErrorAs(t, err, &d)
	assert.Equal(t, 404, d.Status, "another user's order is not there")

	all, err := free.Orders(ctx)
	require.NoError(t, err)
	assert.Equal(t, []api.Order{changed}, all)
	require.NoError(t, free.Cancel(ctx, changed))
	require.ErrorAs(t, free.Cancel(ctx, changed), &d)
	assert.Equal(t, 404, d.Status)
}

func get(t *testing.T, url string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(b)
}

func TestServiceSendsAChallenge(t *testing.T) {
	_, url, _, _ := started(t)
	for credentials, want := range map[string]string{
		"":             `Bearer realm="orders"`,
		"Basic YTpi":   `Bearer realm="orders"`,
		"Bearer wrong": `Bearer realm="orders", error="invalid_token"`,
	} {
		res, body := get(t, url+"/orders", "Authorization", credentials)
		assert.Equal(t, 401, res.StatusCode, credentials)
		assert.Equal(t, problem.MediaType, res.Header.Get("Content-Type"))
		assert.Equal(t, []string{want}, res.Header.Values("WWW-Authenticate"))
		assert.NotContains(t, body, "wrong")
	}
	res, _ := get(t, url+"/orders", "Authorization", "bearer demo-free")
	assert.Equal(t, 200, res.StatusCode, "a scheme is not case-sensitive")
}

func TestTooManyWrongTokensAreRefused(t *testing.T) {
	_, url, _, _ := started(t)
	codes := map[int]int{}
	for range 25 {
		res, _ := get(t, url+"/orders", "Authorization", "Bearer guess")
		codes[res.StatusCode]++
	}
	assert.Equal(t, map[int]int{401: 20, 429: 5}, codes)
}

func TestPlansHaveTheirQuotas(t *testing.T) {
	_, _, free, pro := started(t)
	free.HTTP, pro.HTTP = http.DefaultClient, http.DefaultClient // which do not wait
	var refused *problem.Details
	for range 62 {
		if _, err := free.Orders(t.Context()); err != nil {
			require.ErrorAs(t, err, &refused)
		}
		_, err := pro.Orders(t.Context())
		require.NoError(t, err, "a plan of its own")
	}
	require.NotNil(t, refused, "60 a minute")
	assert.Equal(t, 429, refused.Status)
	wait, stated := refused.RetryAfter()
	assert.True(t, stated)
	assert.LessOrEqual(t, wait, 2*time.Second)
}

func TestClientRetriesAfterA429(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client.Client{URL: "http://orders", Token: "demo-free",
			HTTP: &http.Client{Transport: &client.RetryTransport{Base: inMemory{newService(origin, sdktrace.NewTracerProvider())}, MaxWait: time.Minute}}}
		start := time.Now()
		for range 65 {
			_, err := c.Orders(t.Context())
			require.NoError(t, err)
		}
		assert.Equal(t, 5*time.Second, time.Since(start).Truncate(time.Second), "one a second, once 60 are used")
	})
}

// inMemory sends requests to a handler, on the clock of the test.
type inMemory struct{ http.Handler }

func (t inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	in := httptest.NewRequest(r.Method, r.URL.String(), r.Body).WithContext(r.Context())
	in.Header = r.Header
	res, err := middlewaretest.Serve(t.Handler, in)
	if err != nil {
		return nil, err
	}
	res.Request = r
	return res.Response, nil
}

func TestEventsArriveAndBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(origin, sdktrace.NewTracerProvider())
		go func() {
			time.Sleep(heartbeat + time.Second)
			o, err := s.store.create("alice", api.OrderRequest{Item: "tea", Quantity: 1})
			assert.NoError(t, err)
			r := httptest.NewRequest("POST", "/orders", nil)
			s.publish(r.WithContext(context.WithValue(r.Context(), userKey{}, user{name: "alice"})), "created", o)
			time.Sleep(2 * heartbeat)
			s.hub.end()
		}()
		r := httptest.NewRequest("GET", "/events", nil)
		r.Header.Set("Authorization", "Bearer demo-free")
		res, err := middlewaretest.Serve(s, r)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		events := strings.Split(strings.TrimSpace(string(body)), "\n\n")
		require.Len(t, events, 5, "%s", body)
		assert.Equal(t, ": connected\nretry: 2000", events[0])
		assert.Equal(t, ": heartbeat", events[1])
		assert.True(t, strings.HasPrefix(events[2], "event: created\ndata: {\"id\":1,"), events[2])
		assert.Equal(t, []string{": heartbeat", ": heartbeat"}, events[3:])
	})
}

func TestStreamIsEndedIfItsClientDoesNotRead(t *testing.T) {
	for _, row := range []struct {
		reads string
		line  string // that it reads so many times, before it stops
		times int
		ended time.Duration
	}{
		{"nothing", "", 0, patience},
		{"the header", "\r\n", 1, patience},
		{"for a while", ": heartbeat\n", 5, 5*heartbeat + patience},
	} {
		t.Run(row.reads, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(origin, sdktrace.NewTracerProvider())
				ended := make(chan time.Duration, 1)
				start := time.Now()
				pipes := wiretest.NewPipes()
				srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					defer func() { ended <- time.Since(start) }()
					s.ServeHTTP(w, r)
				})}
				go func() { _ = srv.Serve(pipes) }()
				conn := pipes.Dial()
				_, err := io.WriteString(conn, wiretest.RawRequest("GET /events", "Authorization: Bearer demo-free"))
				require.NoError(t, err)
				in := bufio.NewReaderSize(conn, 16)
				for row.times > 0 {
					got, err := in.ReadString('\n')
					require.NoError(t, err)
					if got == row.line {
						row.times--
					}
				}
				assert.Equal(t, row.ended, <-ended)
				assert.NoError(t, srv.Close())
			})
		})
	}
}

func TestUserHasFewStreams(t *testing.T) {
	_, url, free, _ := started(t)
	stream := func(token string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), "GET", url+"/events", nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+token)
		res, err := free.HTTP.Do(r)
		require.NoError(t, err)
		t.Cleanup(func() { _ = res.Body.Close() })
		return res
	}
	for range 10 {
		assert.Equal(t, 200, stream("demo-free").StatusCode)
	}
	refused := stream("demo-free")
	assert.Equal(t, 503, refused.StatusCode)
	assert.Equal(t, "30", refused.Header.Get("Retry-After"))
	assert.Equal(t, 200, stream("demo-pro").StatusCode, "of another user")
}

func TestSlowStreamIsEnded(t *testing.T) {
	h := newHub()
	slow := h.join("alice")
	other := h.join("bob")
	for range 100 {
		h.publish("alice", respond.Event{Comment: "x"})
	}
	n := 0
	for range slow.events {
		n++
	}
	assert.Equal(t, cap(slow.events), n, "it is closed behind what it holds")
	assert.Empty(t, other.events, "another user's")
	h.leave(slow) // as its handler does
	h.end()
	_, open := <-other.events
	assert.False(t, open)
	_, open = <-h.join("bob").events
	assert.False(t, open, "and one that comes later")
}

func TestPagesOfTheOriginCanReadErrors(t *testing.T) {
	_, url, _, _ := started(t)
	for _, path := range []string{"/orders", "/nowhere"} {
		res, _ := get(t, url+path, "Origin", origin)
		assert.Equal(t, origin, res.Header.Get("Access-Control-Allow-Origin"), path)
		assert.Contains(t, res.Header.Get("Access-Control-Expose-Headers"), "Retry-After")
	}
	res, _ := get(t, url+"/orders", "Origin", "https://evil.example.com")
	assert.Empty(t, res.Header.Get("Access-Control-Allow-Origin"))
}

func TestMetricsAreByRouteAndType(t *testing.T) {
	_, url, free, _ := started(t)
	_, err := free.Create(t.Context(), api.OrderRequest{Item: "tea", Quantity: 99})
	require.Error(t, err)
	for _, path := range []string{"/nowhere", "/nothing", "/orders/17"} {
		get(t, url+path, "Authorization", "Bearer demo-free")
	}
	_, body := get(t, url+"/metrics")
	assert.Contains(t, body, `http_requests_total{code="404",method="GET",route="/orders/{id}"} 1`)
	assert.Contains(t, body, `http_requests_total{code="404",method="GET",route="none"} 2`)
	assert.Contains(t, body, `http_problems_total{code="409",route="/orders",type="https://example.com/problems/out-of-stock"} 1`)
	assert.NotContains(t, body, "nowhere", "no client makes a label")
}

func TestTracesHaveRouteStatusAndProblem(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	srv := httptest.NewServer(newService(origin, sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))))
	res, body := get(t, srv.URL+"/orders/17", "Authorization", "Bearer demo-free")
	assert.Equal(t, 404, res.StatusCode)
	srv.Close() // waits for the handler, and so for the span
	require.Len(t, spans.Ended(), 1)
	span := spans.Ended()[0]
	assert.Equal(t, "GET /orders/{id}", span.Name())
	assert.Contains(t, body, `"trace_id":"`+span.SpanContext().TraceID().String()+`"`, "the client can name the trace")
	attributes := map[attribute.Key]attribute.Value{}
	for _, a := range span.Attributes() {
		attributes[a.Key] = a.Value
	}
	assert.EqualValues(t, 404, attributes["http.response.status_code"].AsInt64())
	assert.Equal(t, "/orders/{id}", attributes["http.route"].AsString())
}

func TestMaintenanceSkipsProbes(t *testing.T) {
	s, url, _, _ := started(t)
	s.maintenance.Start(time.Now().Add(time.Minute))
	res, _ := get(t, url+"/orders")
	assert.Equal(t, 503, res.StatusCode)
	assert.NotEmpty(t, res.Header.Get("Retry-After"))
	res, _ = get(t, url+"/livez")
	assert.Equal(t, 204, res.StatusCode)
}

func TestProblemTypesHavePages(t *testing.T) {
	_, url, _, _ := started(t)
	res, body := get(t, url+"/problems/out-of-stock", "Accept", "text/html")
	assert.Equal(t, 200, res.StatusCode, body)
	assert.Contains(t, body, "Out of Stock")
}

// TestShutdownLosesNothing has a request under way and an open stream when the
// service begins its shutdown.
func TestShutdownLosesNothing(t *testing.T) {
	s := newService(origin, sdktrace.NewTracerProvider())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	url := "http://" + l.Addr().String()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx, l, shutdown{notice: 2 * time.Second, grace: 10 * time.Second}) }()

	c := &client.Client{URL: url, Token: "demo-free"}
	events := make(chan string, 10)
	go func() {
		defer close(events)
		for e, err := range c.Events(t.Context()) {
			if !assert.NoError(t, err) {
				return
			}
			events <- e.Name
		}
	}()
	for connected := false; !connected; {
		s.hub.mu.Lock()
		connected = len(s.hub.streams) == 1
		s.hub.mu.Unlock()
	}
	body, send := io.Pipe()
	under := make(chan int, 1)
	go func() {
		r, _ := http.NewRequest("POST", url+"/orders", body)
		r.Header.Set("Authorization", "Bearer demo-free")
		r.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(r)
		if assert.NoError(t, err) {
			_ = res.Body.Close()
			under <- res.StatusCode
		}
		close(under)
	}()
	_, err = io.WriteString(send, `{"item":"tea",`) // has been read when it returns
	require.NoError(t, err)

	stop()
	for { // until it is noticed; everything else is still served
		res, text := get(t, url+"/readyz")
		if res.StatusCode == 503 {
			assert.Contains(t, text, "Service Unavailable")
			break
		}
	}
	_, err = c.Orders(t.Context())
	assert.NoError(t, err)
	_, err = io.WriteString(send, `"quantity":1}`)
	require.NoError(t, err)
	require.NoError(t, send.Close())
	assert.Equal(t, 201, <-under)

	assert.Equal(t, "created", <-events)
	_, open := <-events
	assert.False(t, open, "the stream ends, without an error")
	require.NoError(t, <-ended)
	_, err = net.Dial("tcp", l.Addr().String())
	assert.Error(t, err)
}

// TestShutdownCutsAtTheDeadline has a handler that never returns by itself.
func TestShutdownCutsAtTheDeadline(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stop()
		<-r.Context().Done() // as the connection is closed
	})
	ended := make(chan error, 1)
	go func() {
		ended <- serveUntil(ctx, &http.Server{Handler: h}, l, func() {}, shutdown{grace: 50 * time.Millisecond})
	}()
	_, err = http.Get("http://" + l.Addr().String())
	assert.Error(t, err)
	assert.ErrorIs(t, <-ended, context.DeadlineExceeded)
}

func TestCommandStartsAndStops(t *testing.T) {
	program := filepath.Join(t.TempDir(), "orders")
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	cmd := exec.Command(program, "-addr", "127.0.0.1:0", "-traces")
	var traces bytes.Buffer
	cmd.Stderr = &traces
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill() }() // in case the test ends early
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	url := strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
	res, body := get(t, url+"/no-such-path")
	assert.Equal(t, 404, res.StatusCode)
	var d problem.Details
	require.NoError(t, json.Unmarshal([]byte(body), &d))
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait(), "a clean stop has status 0")
	assert.Contains(t, traces.String(), "http.response.status_code")
}
