package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/rejoinder-go/rejoinder/request"
)

var decodeSmall = work{
	name:   "DecodeSmall",
	title:  "read a request with a small struct",
	bounds: "a check that names each fault by its place, before encoding/json reads the same text",
	base:   "json.Decoder",
	bar:    bar{ratio: 1.2},
	all:    func() []contender { return decoders(orderNumber(17)) },
}

var decodeList = work{
	name:   "DecodeList",
	title:  "read a request with a list of 100",
	bounds: "the same where the text is longer than small buffers",
	base:   "json.Decoder",
	bar:    bar{ratio: 1.2},
	all: func() []contender {
		list := make([]order, 100)
		for i := range list {
			list[i] = orderNumber(i)
		}
		return decoders(list)
	},
}

// maxBody is the bound on the size of a body, which each contender has.
const maxBody = request.DefaultMaxBytes

// decoders are the contenders that read the JSON of a T.
func decoders[T any](want T) []contender {
	return []contender{
		decoding("json.Decoder", "DisallowUnknownFields, and nothing after the value; without places, and without repeated members", want, decodeStrictly[T]),
		decoding("json.Unmarshal", "of the whole text; takes members that are unknown", want, decodeWithUnmarshal[T]),
		decoding(ours, "request.JSON: also the media type, repeated members, and what would be lost", want, request.JSON[T]),
	}
}

// decoding is a contender that reads the JSON of want with f.
func decoding[T any](name, note string, want T, f func(*http.Request) (T, error)) contender {
	return contender{name, note, func() (func(*testing.B), error) {
		body, err := json.Marshal(want)
		if err != nil {
			return nil, err
		}
		r, in := httptest.NewRequest(http.MethodPost, path, nil), bytes.NewReader(body)
		r.Header["Content-Type"] = jsonType
		r.ContentLength = int64(len(body))
		rewind := func() {
			in.Reset(body)
			r.Body = io.NopCloser(in)
		}
		rewind()
		if got, err := f(r); err != nil || !reflect.DeepEqual(got, want) {
			return nil, fmt.Errorf("read %v, %w, want %v", got, err, want)
		}
		return func(b *testing.B) {
			for b.Loop() {
				rewind()
				if _, err := f(r); err != nil {
					b.Fatal(err)
				}
			}
		}, nil
	}}
}

func decodeStrictly[T any](r *http.Request) (v T, err error) {
	in := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
	in.DisallowUnknownFields()
	if err := in.Decode(&v); err != nil {
		return v, err
	}
	if _, err := in.Token(); err != io.EOF {
		return v, errors.New("more than one value")
	}
	return v, nil
}

func decodeWithUnmarshal[T any](r *http.Request) (v T, err error) {
	text, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return v, err
	}
	return v, json.Unmarshal(text, &v)
}
