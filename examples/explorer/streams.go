package main

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rejoinder-go/rejoinder/respond"
)

// registerStreams adds the endpoints that succeed: a stream of events and a file.
func registerStreams(mux *http.ServeMux) {
	mux.Handle("GET /stream", respond.Handler(stream))
	mux.HandleFunc("GET /file", file)
}

// events and interval bound the stream, so that a tool sees its end.
const (
	events   = 5
	interval = 100 * time.Millisecond
)

func stream(w http.ResponseWriter, r *http.Request) error {
	return respond.Events(w, r, func(yield func(respond.Event, error) bool) {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for n := 1; yield(respond.Event{ID: strconv.Itoa(n), Name: "tick", Data: map[string]int{"n": n}}, nil) && n < events; n++ {
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
		}
	})
}

// The file never changes, so its validators are constants.
var (
	fileText = strings.Repeat("All work and no play makes a dull file.\n", 100)
	fileTime = time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC)
)

func file(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"dull"`)
	w.Header().Set("Cache-Control", "max-age=60")
	http.ServeContent(w, r, "dull.txt", fileTime, strings.NewReader(fileText))
}
