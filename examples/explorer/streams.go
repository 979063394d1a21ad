package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// registerStreams adds the answers that are no errors, or not in the beginning.
func registerStreams(mux *http.ServeMux) {
	mux.HandleFunc("GET /stream", stream)
	mux.HandleFunc("GET /file", file)
}

// events and interval bound the stream, so that a tool reaches its end.
const (
	events   = 5
	interval = 100 * time.Millisecond
)

func stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for n := 1; ; n++ {
		fmt.Fprintf(w, "id: %d\nevent: tick\ndata: {\"n\":%d}\n\n", n, n)
		if out.Flush() != nil || n == events {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
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
