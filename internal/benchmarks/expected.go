package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
)

// expected is the response that a contender has to send before it is timed.
type expected struct {
	status  int
	header  map[string]string // required fields; "*" accepts any value
	body    string            // the whole body, unless members is set
	members map[string]any    // members that the JSON object has to have, among others
}

// check requests path from the handler through a real server, as often as times, on one
// connection. The last response has to be the expected one.
func (want expected) check(h http.Handler, path string, times int) error {
	s := httptest.NewServer(h)
	defer s.Close()
	for {
		res, body, err := get(s, path)
		if err != nil {
			return err
		}
		if times--; times <= 0 {
			return want.compare(res, body)
		}
	}
}

func get(s *httptest.Server, path string) (*http.Response, []byte, error) {
	res, err := s.Client().Get(s.URL + path)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, body, err
}

func (want expected) compare(res *http.Response, body []byte) error {
	if res.StatusCode != want.status {
		return fmt.Errorf("status %d, want %d (body %q)", res.StatusCode, want.status, body)
	}
	for field, value := range want.header {
		if got := res.Header.Get(field); got != value && (value != "*" || got == "") {
			return fmt.Errorf("%s: %q, want %q", field, got, value)
		}
	}
	if want.members == nil {
		if string(body) != want.body {
			return fmt.Errorf("body %.200q, want %.200q", body, want.body)
		}
		return nil
	}
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		return fmt.Errorf("body %.200q: %w", body, err)
	}
	for name, value := range want.members {
		if !reflect.DeepEqual(got[name], value) {
			return fmt.Errorf("member %q is %v, want %v", name, got[name], value)
		}
	}
	return nil
}

// path is the path of nearly all requests.
const path = "/orders/17"

// served is a contender that is a handler, timed on a writer that does nothing.
func served(name, note string, want expected, h http.Handler) contender {
	return servedAt(path, name, note, want, h)
}

func servedFunc(name, note string, want expected, h http.HandlerFunc) contender {
	return served(name, note, want, h)
}

func servedAt(path, name, note string, want expected, h http.Handler) contender {
	return contender{name, note, func() (func(*testing.B), error) {
		return serve(h, path), want.check(h, path, 1)
	}}
}

func serve(h http.Handler, path string) func(*testing.B) {
	return func(b *testing.B) {
		w, r := newDiscard(), httptest.NewRequest(http.MethodGet, path, nil)
		for b.Loop() {
			w.reset()
			h.ServeHTTP(w, r)
		}
	}
}
