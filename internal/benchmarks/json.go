package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/render"

	"github.com/rejoinder-go/rejoinder/respond"
)

type order struct {
	ID       int     `json:"id"`
	Customer string  `json:"customer"`
	Total    float64 `json:"total"`
	Paid     bool    `json:"paid"`
	Placed   string  `json:"placed"`
}

func orderNumber(i int) order {
	return order{i, "Ada Lovelace", 12.5, true, "2026-07-01T12:00:00Z"}
}

var jsonSmall = work{
	name:   "JSONSmall",
	title:  "respond 200 with a small struct",
	bounds: "the writer around encoding/json, whose reflection is most of the time",
	base:   "json.Encoder",
	bar:    bar{ratio: 1.05, allocs: 1},
	all:    func() []contender { return encoders(orderNumber(17)) },
}

var jsonList = work{
	name:   "JSONList",
	title:  "respond 200 with a list of 100",
	bounds: "the same where the body outgrows small buffers",
	base:   "json.Encoder",
	bar:    bar{ratio: 1.1},
	all: func() []contender {
		list := make([]order, 100)
		for i := range list {
			list[i] = orderNumber(i)
		}
		return encoders(list)
	},
}

// encoders are the contenders that respond with the JSON of v. T is a type parameter, so
// that the conversion to an interface is included where a user would pay for it.
func encoders[T any](v T) []contender {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	want := expected{status: 200, header: map[string]string{"Content-Type": "application/json"}, body: string(body)}
	line := want
	line.body += "\n"
	return []contender{
		servedFunc("json.Encoder", "straight into the response: an error comes after the 200", line, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(200)
			_ = json.NewEncoder(w).Encode(&v)
		}),
		servedFunc("floor.pooled", "json.Encoder into a pooled buffer, only Content-Type", line, encodePooled(v)),
		servedFunc("json.Marshal", "", want, func(w http.ResponseWriter, _ *http.Request) {
			b, err := json.Marshal(&v)
			if err != nil {
				http.Error(w, "", 500)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(200)
			_, _ = w.Write(b)
		}),
		servedFunc("chi/render", "", line, func(w http.ResponseWriter, r *http.Request) {
			render.JSON(w, r, &v)
		}),
		servedFunc("huma", "its JSON format alone", line, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(200)
			_ = huma.DefaultJSONFormat.Marshal(w, &v)
		}),
		servedFunc(ours, "encoded before the status line, with Content-Length", line, func(w http.ResponseWriter, _ *http.Request) {
			respond.JSON(w, 200, &v)
		}),
	}
}

func encodePooled[T any](v T) http.HandlerFunc {
	buffers := sync.Pool{New: func() any { return new(bytes.Buffer) }}
	return func(w http.ResponseWriter, _ *http.Request) {
		buf := buffers.Get().(*bytes.Buffer)
		buf.Reset()
		if err := json.NewEncoder(buf).Encode(&v); err != nil {
			http.Error(w, "", 500)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(200)
		_, _ = w.Write(buf.Bytes())
		buffers.Put(buf)
	}
}
