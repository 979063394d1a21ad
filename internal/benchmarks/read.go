package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/moogar0880/problems"

	"github.com/rejoinder-go/rejoinder/problem"
)

var readMinimal = work{
	name:   "ReadMinimal",
	title:  "read a problem of 66 bytes",
	bounds: "a client or a gateway that receives an error of another service",
	base:   "json.Unmarshal",
	bar:    bar{ratio: 0.5},
	all: func() []contender {
		return readers(`{"type":"about:blank","title":"Service Unavailable","status":503}`, 503, "")
	},
}

var readExample = work{
	name:   "ReadExample",
	title:  "read the example of RFC 9457 with its extensions",
	bounds: "the same with five members and two extensions that have to be kept",
	base:   "json.Unmarshal",
	bar:    bar{ratio: 0.5},
	all: func() []contender {
		return readers(creditProblem, 403, `["/account/12345","/account/67890"]`)
	},
}

// creditProblem has the members of the first example of RFC 9457, section 3.
const creditProblem = `{"type":"https://example.com/probs/out-of-credit",` +
	`"title":"You do not have enough credit.","status":403,` +
	`"detail":"Your current balance is 30, but that costs 50.",` +
	`"instance":"/account/12345/msgs/abc","balance":30,` +
	`"accounts":["/account/12345","/account/67890"]}`

// read is what a contender has decoded.
type read struct {
	status   int
	title    string
	accounts string // the extension, as JSON; empty if it was lost
}

const lossy = "loses the extensions"

func readers(document string, status int, accounts string) []contender {
	want := read{status: status, accounts: accounts}
	return []contender{
		reading("json.Unmarshal", lossy, document, want, readWithUnmarshal),
		reading("json.RawMessage", "a map of raw members, the standard ones taken out", document, want, readRawMembers),
		reading("moogar0880", lossy, document, want, readWithMoogar),
		reading("huma", lossy, document, want, readWithHuma),
		reading(ours, "problem.CheckResponse: with the response's header, a bound on size and depth, and a last resort for other content", document, want, readWithCheckResponse),
	}
}

// reading is a contender that reads the document with f.
func reading(name, note, document string, want read, f func(*http.Response) (read, error)) contender {
	return contender{name, note, func() (func(*testing.B), error) {
		res, rewind := response(document, want.status)
		got, err := f(res)
		if err != nil {
			return nil, err
		}
		if got.status != want.status || got.title == "" {
			return nil, fmt.Errorf("read status %d and title %q", got.status, got.title)
		}
		if got.accounts != want.accounts && note != lossy {
			return nil, fmt.Errorf("read accounts %q, want %q", got.accounts, want.accounts)
		}
		return func(b *testing.B) {
			for b.Loop() {
				rewind()
				if _, err := f(res); err != nil {
					b.Fatal(err)
				}
			}
		}, nil
	}}
}

func readWithUnmarshal(res *http.Response) (read, error) {
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return read{}, err
	}
	var d struct {
		Type, Title, Detail, Instance string
		Status                        int
	}
	err = json.Unmarshal(body, &d)
	return read{status: d.Status, title: d.Title}, err
}

func readRawMembers(res *http.Response) (read, error) {
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return read{}, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(body, &all); err != nil {
		return read{}, err
	}
	var r read
	var others [3]string
	err = errors.Join(
		member(all, "title", &r.title), member(all, "status", &r.status), member(all, "type", &others[0]),
		member(all, "detail", &others[1]), member(all, "instance", &others[2]))
	r.accounts = string(all["accounts"])
	return r, err
}

func member(all map[string]json.RawMessage, name string, v any) error {
	raw, ok := all[name]
	if !ok {
		return nil
	}
	delete(all, name)
	return json.Unmarshal(raw, v)
}

func readWithMoogar(res *http.Response) (read, error) {
	var d problems.Problem
	err := json.NewDecoder(res.Body).Decode(&d)
	return read{status: d.Status, title: d.Title}, err
}

func readWithHuma(res *http.Response) (read, error) {
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return read{}, err
	}
	var d huma.ErrorModel
	err = huma.DefaultJSONFormat.Unmarshal(body, &d)
	return read{status: d.Status, title: d.Title}, err
}

func readWithCheckResponse(res *http.Response) (read, error) {
	var d *problem.Details
	if err := problem.CheckResponse(res); !errors.As(err, &d) {
		return read{}, fmt.Errorf("no problem but %w", err)
	}
	r := read{status: d.Status, title: d.Title}
	if raw, ok := d.Extensions["accounts"].(json.RawMessage); ok {
		r.accounts = string(raw)
	}
	return r, nil
}

// response is a response with the document as its body, and a function that
// makes the body readable again without allocating.
func response(document string, status int) (*http.Response, func()) {
	r := bytes.NewReader([]byte(document))
	body := io.NopCloser(r)
	res := &http.Response{
		StatusCode:    status,
		ContentLength: int64(len(document)),
		Header:        http.Header{"Content-Type": {problem.MediaType}},
		Request:       httptest.NewRequest(http.MethodGet, "https://example.com"+path, nil),
	}
	rewind := func() {
		_, _ = r.Seek(0, io.SeekStart)
		res.Body = body
	}
	rewind()
	return res, rewind
}
