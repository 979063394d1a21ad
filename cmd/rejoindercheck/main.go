// Command rejoindercheck checks the responses of a running HTTP service against the
// specifications, and says how to fix what they forbid:
//
//	go run github.com/rejoinder-go/rejoinder/cmd/rejoindercheck http://127.0.0.1:8080/orders
//
// For each URL it sends GET, HEAD and OPTIONS, over HTTP/1.0, HTTP/1.1 and, where
// the service speaks it, HTTP/2. It sends other methods only if -method names them.
// The exit code is 0 if there is no finding, 1 if there is one, and 2 if a service
// could not be checked. Findings are written to standard output, errors to standard
// error.
//
// Package conformance does the same in a test.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/middlewaretest/conformance"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// settings is the parsed command line.
type settings struct {
	options   conformance.Options
	addresses []string
	methods   []string
	header    http.Header
	body      string
	must      bool
	json      bool
	rules     bool
}

func parse(args []string, stderr io.Writer) (settings, error) {
	s := settings{header: http.Header{}}
	f := flag.NewFlagSet("rejoindercheck", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprintln(stderr, "usage: rejoindercheck [flags] URL...")
		f.PrintDefaults()
	}
	words := func(to *[]string) func(string) error {
		return func(v string) error {
			*to = append(*to, strings.Split(v, ",")...)
			return nil
		}
	}
	f.Func("method", "`methods` to send in place of GET, separated by commas; an unsafe one takes effect three times, once over each protocol", words(&s.methods))
	f.Func("header", "a header `field` to send, such as 'Authorization: Bearer x'; can be repeated", s.addHeader)
	f.StringVar(&s.body, "body", "", "the `body` to send with methods other than GET, HEAD and OPTIONS")
	f.Func("protocol", "`protocols` to use, separated by commas: HTTP/1.0, HTTP/1.1, HTTP/2 (default all that the service speaks)", words(&s.options.Protocols))
	f.Func("ignore", "`rules` not to report, separated by commas", words(&s.options.Ignore))
	f.BoolVar(&s.must, "must", false, "report only findings of the level MUST")
	f.BoolVar(&s.json, "json", false, "print a line of JSON for each finding")
	f.BoolVar(&s.rules, "rules", false, "list the rules, and send nothing")
	f.DurationVar(&s.options.Timeout, "timeout", 10*time.Second, "how long one exchange may last")
	f.Int64Var(&s.options.MaxBody, "max-body", 1<<20, "how many bytes of a body are read")
	insecure := f.Bool("insecure", false, "accept any certificate")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if *insecure {
		s.options.TLS = &tls.Config{InsecureSkipVerify: true}
	}
	if s.addresses = f.Args(); len(s.addresses) == 0 && !s.rules {
		f.Usage()
		return s, errUsage
	}
	return s, nil
}

var errUsage = errors.New("no URL")

func (s *settings) addHeader(line string) error {
	name, value, colon := strings.Cut(line, ":")
	if !colon {
		return errors.New("there is no colon")
	}
	s.header.Add(name, strings.TrimSpace(value))
	return nil
}

// requests returns the requests for one URL.
func (s *settings) requests() (all []conformance.Request) {
	for _, m := range s.methods {
		body := s.body
		if m == http.MethodGet || m == http.MethodHead || m == http.MethodOptions {
			body = ""
		}
		all = append(all, conformance.Request{Method: m, Header: s.header, Body: body})
	}
	if len(all) == 0 {
		all = []conformance.Request{{Header: s.header}}
	}
	return all
}

// run runs the command and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case s.rules:
		for _, r := range conformance.Rules() {
			fmt.Fprintf(stdout, "%s (%s, %s): %s\n", r.ID, r.Clause(), r.Level, r.Requirement)
		}
		return 0
	}
	code := 0
	for _, address := range s.addresses {
		s.options.Requests = s.requests()
		found, err := conformance.Check(ctx, address, s.options)
		for _, f := range found {
			if !s.must || f.Rule.Level == conformance.Must {
				code = max(code, 1)
				s.print(stdout, address, f)
			}
		}
		if err != nil {
			code = 2
			fmt.Fprintf(stderr, "rejoindercheck: %s: %v\n", withoutUser(address), err)
		}
	}
	return code
}

// line is a finding in JSON.
type line struct {
	URL         string   `json:"url"`
	Request     string   `json:"request"`
	Protocols   []string `json:"protocols"`
	Status      int      `json:"status,omitempty"`
	Observed    string   `json:"observed"`
	Rule        string   `json:"rule"`
	Clause      string   `json:"clause"`
	Link        string   `json:"link"`
	Level       string   `json:"level"`
	Requirement string   `json:"requirement"`
	Fix         string   `json:"fix"`
}

func (s *settings) print(w io.Writer, address string, f conformance.Finding) {
	if !s.json {
		fmt.Fprintln(w, f)
		return
	}
	r := f.Rule
	b, _ := json.Marshal(line{withoutUser(address), f.Request, f.Protocols, f.Status, f.Observed, r.ID, r.Clause(), r.Link(), string(r.Level), r.Requirement, r.Fix})
	fmt.Fprintf(w, "%s\n", b)
}

// withoutUser removes the password of a URL, so that it is not printed.
func withoutUser(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Redacted()
	}
	return address
}
