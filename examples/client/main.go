// Command client fetches a URL and, where the server says when to come back,
// waits and tries again. It has the same three times: by hand, with
// hashicorp/go-retryablehttp and with failsafe-go.
//
//	go run ./examples/quickstart -limit 5      # in one terminal
//	cd examples/client
//	go run . -n 8 http://127.0.0.1:8080/todos  # in another
//
// Package problem has no retries of its own. [problem.Details.Retryable] and
// [problem.Details.RetryAfter] are all that a library for them has to be told.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
)

func main() {
	with := flag.String("with", "hand", "who retries: hand, retryablehttp or failsafe")
	times := flag.Int("n", 1, "how many times to fetch the URL")
	patience := flag.Duration("patience", time.Minute, "the longest wait that is worth it")
	flag.Parse()
	clients := map[string]*http.Client{
		"hand":          {Transport: &byHand{Base: http.DefaultTransport, Patience: *patience}},
		"retryablehttp": withRetryableHTTP(http.DefaultTransport, *patience),
		"failsafe":      withFailsafe(http.DefaultTransport, *patience),
	}
	client := clients[*with]
	if flag.NArg() != 1 || client == nil {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	for range *times {
		if err := fetch(ctx, client, flag.Arg(0), os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "client:", err)
			os.Exit(1)
		}
	}
}

// fetch copies what is at the URL to w.
func fetch(ctx context.Context, client *http.Client, url string, w io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err // a problem, where the server described one
	}
	defer res.Body.Close()
	_, err = io.Copy(w, res.Body)
	return err
}

// maxTries bounds how often one request is sent.
const maxTries = 4

// wait decides what to do after a failure: how long to wait until the same
// request may succeed, and whether that is worth it. A server that wants a longer
// wait than patience will not serve an earlier request either, so the wait is
// given up and not cut short.
func wait(err error, tries int, patience time.Duration) (time.Duration, bool) {
	d, ok := errors.AsType[*problem.Details](err)
	if !ok || !d.Retryable() || tries >= maxTries {
		return 0, false
	}
	pause, stated := d.RetryAfter()
	if !stated {
		pause = time.Second << (tries - 1) // 1, 2, 4 seconds
	}
	return pause, pause <= patience
}
