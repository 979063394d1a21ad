package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fleet is the program at work.
type fleet struct {
	t     *testing.T
	urls  []string
	redis int // the process of redis-server
}

// build returns the path of the program.
func build(t *testing.T) string {
	program := filepath.Join(t.TempDir(), "fleet")
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}

// start starts the program on free ports, and sees it end when the test does.
func start(t *testing.T, args ...string) *fleet {
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(errNoRedis)
		}
		t.Skip(errNoRedis)
	}
	cmd := exec.Command(build(t), append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	f := &fleet{t: t}
	t.Cleanup(func() {
		_ = syscall.Kill(f.redis, syscall.SIGCONT)
		assert.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		assert.NoError(t, cmd.Wait(), "a clean stop has status 0")
		assert.Error(t, syscall.Kill(f.redis, 0), "and takes its redis-server along")
	})

	messages := bufio.NewReader(stderr)
	line, err := messages.ReadString('\n')
	require.NoError(t, err)
	pid := regexp.MustCompile(`Redis is process (\d+) `).FindStringSubmatch(line)
	require.NotNil(t, pid, "%q", line)
	f.redis, err = strconv.Atoi(pid[1])
	require.NoError(t, err)
	go func() { _, _ = io.Copy(io.Discard, messages) }()

	f.listen(bufio.NewReader(stdout))
	return f
}

// listen reads what the program says about its instances.
func (f *fleet) listen(lines *bufio.Reader) {
	for range instances {
		line, err := lines.ReadString('\n')
		require.NoError(f.t, err)
		url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
		require.True(f.t, ok, "%q", line)
		f.urls = append(f.urls, url)
	}
}

// get sends a request to an instance, and returns the response and its body.
func (f *fleet) get(instance int, path string) (*http.Response, map[string]any) {
	f.t.Helper()
	res, err := http.Get(f.urls[instance] + path)
	require.NoError(f.t, err)
	defer res.Body.Close()
	var body map[string]any
	require.NoError(f.t, json.NewDecoder(res.Body).Decode(&body))
	return res, body
}

func TestFleetSharesOneLimit(t *testing.T) {
	f := start(t, "-limit", "30")
	for i := range 30 {
		res, body := f.get(i%instances, "/time")
		require.Equal(t, 200, res.StatusCode, "request %d", i)
		assert.EqualValues(t, i%instances+1, body["instance"])
		if i < 5 {
			assert.Contains(t, res.Header.Get("RateLimit"), `"default";r=`+strconv.Itoa(29-i)+";")
		}
	}
	refused := 0
	for i := range 2 * instances {
		res, body := f.get(i%instances, "/time")
		if res.StatusCode == 429 { // a unit comes back every two seconds
			refused++
			assert.NotEmpty(t, res.Header.Get("Retry-After"))
			assert.Equal(t, []any{"default"}, body["violated-policies"])
		}
	}
	assert.GreaterOrEqual(t, refused, 3)

	require.NoError(t, syscall.Kill(f.redis, syscall.SIGSTOP))
	passed := 0
	send := func(instance int) {
		begin := time.Now()
		res, _ := f.get(instance, "/time")
		assert.Less(t, time.Since(begin), 2*time.Second)
		switch res.StatusCode {
		case 200:
			passed++
		case 429:
		default:
			t.Errorf("status %d", res.StatusCode)
		}
	}
	for i := range instances { // which trust in what Redis said, for a second
		require.Eventually(t, func() bool {
			send(i)
			_, body := f.get(i, "/status")
			return body["decides"] == "this instance, on its share"
		}, 10*time.Second, 20*time.Millisecond)
	}
	for i := range 20 * instances {
		send(i % instances)
	}
	assert.GreaterOrEqual(t, passed, 30, "a third each")
	assert.LessOrEqual(t, passed, 36, "and no more than they grant together")

	require.NoError(t, syscall.Kill(f.redis, syscall.SIGCONT))
	require.Eventually(t, func() bool {
		f.get(1, "/time")
		_, body := f.get(1, "/status")
		return body["decides"] == "Redis"
	}, 10*time.Second, 20*time.Millisecond)
	res, _ := f.get(1, "/time")
	assert.Equal(t, 429, res.StatusCode, "what was granted meanwhile counts")
}

func TestFleetStartsWithoutItsRedis(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close()) // now no server listens there
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error)
	go func() {
		ended <- run(ctx, in, options{addr: "127.0.0.1:0", redis: l.Addr().String(), perMinute: 30})
	}()
	f := &fleet{t: t}
	f.listen(bufio.NewReader(out))
	for range 10 {
		res, _ := f.get(0, "/time")
		assert.Equal(t, 200, res.StatusCode)
	}
	res, _ := f.get(0, "/time")
	assert.Equal(t, 429, res.StatusCode, "its share is 10")
	stop()
	assert.NoError(t, <-ended)
}

func TestFleetStartsAllInstancesOrNone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port // the second instance cannot have it
	err = run(t.Context(), io.Discard, options{addr: fmt.Sprintf("127.0.0.1:%d", port-1), redis: "127.0.0.1:1", perMinute: 30})
	assert.ErrorIs(t, err, syscall.EADDRINUSE)
}

func TestMissingRedisIsExplained(t *testing.T) {
	cmd := exec.Command(build(t))
	cmd.Env = []string{"PATH=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 1, exit.ExitCode())
	assert.Contains(t, string(out), "apt-get install redis-server")
}

func TestPortsAreConsecutive(t *testing.T) {
	for _, row := range []struct {
		addr string
		want []string
	}{
		{"127.0.0.1:8080", []string{"127.0.0.1:8080", "127.0.0.1:8081", "127.0.0.1:8082"}},
		{"[::1]:0", []string{"[::1]:0", "[::1]:0", "[::1]:0"}},
		{":9000", []string{":9000", ":9001", ":9002"}},
	} {
		got, err := consecutive(row.addr, 3)
		require.NoError(t, err)
		assert.Equal(t, row.want, got)
	}
	for _, addr := range []string{"", "127.0.0.1", "127.0.0.1:http"} {
		_, err := consecutive(addr, 3)
		assert.Error(t, err, "%q", addr)
	}
}
