package serve

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUntilWaitsForRequestsUnderWay(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- Until(ctx, in, "127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			stop()
			w.WriteHeader(http.StatusTeapot)
		}))
	}()

	line := make([]byte, 100)
	n, err := out.Read(line)
	require.NoError(t, err)
	url, ok := strings.CutPrefix(strings.TrimSpace(string(line[:n])), "listening on ")
	require.True(t, ok, "%q", line[:n])

	res, err := http.Get(url)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Equal(t, http.StatusTeapot, res.StatusCode)
	assert.NoError(t, <-ended)
}

func TestUntilReportsThatItCannotListen(t *testing.T) {
	assert.ErrorContains(t, Until(t.Context(), io.Discard, "127.0.0.1:none", nil), "none")
}

func TestUntilServesBothProtocols(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- Until(ctx, in, "127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.Proto)
		}))
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	url := strings.TrimSpace(strings.TrimPrefix(line, "listening on "))

	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		p := new(http.Protocols)
		p.SetHTTP1(proto == "HTTP/1.1")
		p.SetUnencryptedHTTP2(proto == "HTTP/2.0")
		client := &http.Client{Transport: &http.Transport{Protocols: p}}
		res, err := client.Get(url)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		client.CloseIdleConnections()
		assert.Equal(t, proto, string(body))
	}

	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	defer c.Close()
	_, err = io.WriteString(c, "this is no request\r\n\r\n")
	require.NoError(t, err)
	response, err := io.ReadAll(c)
	require.NoError(t, err)
	assert.Contains(t, string(response), "application/problem+json")
	stop()
	assert.NoError(t, <-ended)
}
