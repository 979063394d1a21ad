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

// BenchmarkRead bounds what a client pays to read a problem: at most half of
// what io.ReadAll and json.Unmarshal into a struct take, which lose the
// extensions.
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
				if _, ok := errors.AsType[*Details](Check(res)); !ok {
					b.Fatal("no problem")
				}
			}
		})
	}
}
