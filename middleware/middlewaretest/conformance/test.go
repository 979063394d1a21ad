package conformance

import (
	"io"
	"log"
	"net"
	"net/http"
	"testing"
)

// Test serves h with net/http's server on a loopback address, sends requests to it
// over HTTP/1.0, HTTP/1.1 and, without TLS, HTTP/2, and reports each [Finding] as an
// error of t. See [Options] for what is sent.
//
// A [Should] is an error too: name in Options.Ignore the rules that the service
// breaks for a reason. Invalid options end the test. The server has stopped when Test
// returns. Test must be called on the goroutine of the test, as [testing.T.FailNow]
// must.
func Test(t testing.TB, h http.Handler, o Options) {
	t.Helper()
	found, err := serve(t, h, o)
	for _, f := range found {
		t.Error(f)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// serve checks a handler on a server of its own.
func serve(t testing.TB, h http.Handler, o Options) ([]Finding, error) {
	o, err := o.normalize("/")
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	srv := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0), Protocols: new(http.Protocols)}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(true)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.Serve(l)
	}()
	defer func() {
		_ = srv.Close()
		<-served
	}()
	to := &target{options: o, host: "example.com", address: l.Addr().String(), speaks2: true}
	return to.check(t.Context())
}
