package problem

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"testing"
)

// BenchmarkRead measures CheckResponse. It should cost at most half of io.ReadAll and
// json.Unmarshal into a struct, which lose the extensions.
func BenchmarkRead(b *testing.B) {
	rfc, err := os.ReadFile("testdata/rfc9457/rfc9457-s3-2.json")
	if err != nil {
		b.Fatal(err)
	}
	for name, doc := range map[string][]byte{
		"minimal": []byte(`{"type":"about:blank","title":"Not Found","status":404}`),
		"rfc":     rfc,
	} {
		b.Run(name+"/struct", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				body, _ := io.ReadAll(bytes.NewReader(doc))
				v := new(struct {
					Type, Title, Detail, Instance string
					Status                        int
				})
				if err := json.Unmarshal(body, v); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/check", func(b *testing.B) {
			b.ReportAllocs()
			r := bytes.NewReader(doc)
			body := io.NopCloser(r)
			header := http.Header{"Content-Type": {MediaType}}
			req := &http.Request{URL: &url.URL{Scheme: "https", Host: "example.com"}}
			res := new(http.Response)
			for b.Loop() {
				r.Reset(doc)
				*res = http.Response{StatusCode: 403, Header: header, Body: body, ContentLength: int64(len(doc)), Request: req}
				if _, ok := errors.AsType[*Details](CheckResponse(res)); !ok {
					b.Fatal("no problem")
				}
			}
		})
	}
}

// BenchmarkWrite measures AppendJSON, beside json.Marshal of a struct with the same
// members.
func BenchmarkWrite(b *testing.B) {
	d := New(403, Detail("Your current balance is 30, but that costs 50."), Instance("/account/12345/msgs/abc"),
		Extension("balance", 30), Extension("accounts", []string{"/account/12345", "/account/67890"}))
	plain := New(404, Detail("no order 17"))
	b.Run("struct", func(b *testing.B) {
		b.ReportAllocs()
		v := struct {
			Type, Title      string
			Status           int
			Detail, Instance string
			Accounts         []string
			Balance          int
		}{BlankType, d.Title, d.Status, d.Detail, d.Instance, []string{"/account/12345", "/account/67890"}, 30}
		for b.Loop() {
			if _, err := json.Marshal(v); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, d := range map[string]*Details{"extensions": d, "plain": plain} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var space [1024]byte
			for b.Loop() {
				if _, err := d.AppendJSON(space[:0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
