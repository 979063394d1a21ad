// Command client fetches a URL, and retries after the time that a failure states in
// Retry-After. It does so in three ways: by hand, with hashicorp/go-retryablehttp and
// with failsafe-go.
//
//	go run ./examples/quickstart -limit 5      # in one terminal
//	cd examples/client
//	go run . -n 8 http://127.0.0.1:8080/todos  # in another
//
// Package problem does not retry. A library that does needs only
// [problem.Details.Retryable] and [problem.Details.RetryAfter].
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
	with := flag.String("with", "hand", "what retries: hand, retryablehttp or failsafe")
	times := flag.Int("n", 1, "how many times to fetch the URL")
	maxWait := flag.Duration("max-wait", time.Minute, "the longest wait before a retry")
	flag.Parse()
	clients := map[string]*http.Client{
		"hand":          {Transport: &byHand{Base: http.DefaultTransport, MaxWait: *maxWait}},
		"retryablehttp": withRetryableHTTP(http.DefaultTransport, *maxWait),
		"failsafe":      withFailsafe(http.DefaultTransport, *maxWait),
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

// fetch copies the body of the response to w.
func fetch(ctx context.Context, client *http.Client, url string, w io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err // a *problem.Details if the server sent an error
	}
	defer res.Body.Close()
	_, err = io.Copy(w, res.Body)
	return err
}

// maxTries is how often a request is sent at most.
const maxTries = 4

// wait returns how long to wait after err until the same request may succeed, and
// whether to retry at all. It does not retry after less than Retry-After, since the
// request would fail again: a wait longer than maxWait is given up.
func wait(err error, tries int, maxWait time.Duration) (pause time.Duration, retry bool) {
	d, ok := errors.AsType[*problem.Details](err)
	if !ok || !d.Retryable() || tries >= maxTries {
		return 0, false
	}
	pause, stated := d.RetryAfter()
	if !stated {
		pause = time.Second << (tries - 1) // 1, 2, 4 seconds
	}
	return pause, pause <= maxWait
}
