package respond_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type record struct {
	N int `json:"n"`
}

// yields returns an iterator over n records, and then an error unless it is nil.
func yields(n int, err error) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		for i := range n {
			if !yield(record{i}, nil) {
				return
			}
		}
		if err != nil {
			yield(record{}, err)
		}
	}
}

func eventsOf(records iter.Seq2[record, error]) iter.Seq2[respond.Event, error] {
	return func(yield func(respond.Event, error) bool) {
		for r, err := range records {
			if !yield(respond.Event{Data: r}, err) {
				return
			}
		}
	}
}

// streams are all formats of a stream, with what surrounds a record in each.
var streams = []struct {
	name, mediaType       string
	send                  func(http.ResponseWriter, *http.Request, iter.Seq2[record, error]) error
	before, failed, after string
}{
	{"NDJSON", "application/x-ndjson", respond.NDJSON[record], "", "", "\n"},
	{"JSONSeq", "application/json-seq", respond.JSONSeq[record], "\x1e", "\x1e", "\n"},
	{"Events", "text/event-stream", func(w http.ResponseWriter, r *http.Request, s iter.Seq2[record, error]) error {
		return respond.Events(w, r, eventsOf(s))
	}, "data: ", "event: problem\ndata: ", "\n\n"},
}

func TestStreamSendsEachRecord(t *testing.T) {
	for _, s := range streams {
		h := respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
			w.Header().Set("Content-Length", "3")
			return s.send(w, r, yields(2, nil))
		})
		want := s.before + `{"n":0}` + s.after + s.before + `{"n":1}` + s.after
		for _, get := range bothVersions {
			res, body := get(t, "GET", h.ServeHTTP)
			assert.Equal(t, 200, res.StatusCode, s.name)
			assert.Equal(t, s.mediaType, res.Header.Get("Content-Type"), s.name)
			assert.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"), s.name)
			assert.Equal(t, want, body, s.name)
			head, body := get(t, "HEAD", h.ServeHTTP)
			assert.Equal(t, s.mediaType, head.Header.Get("Content-Type"), s.name)
			assert.Empty(t, body)
		}
		head, body := do10(t, "GET", h.ServeHTTP)
		assert.Contains(t, head, "HTTP/1.0 200 OK\r\n", s.name)
		assert.Equal(t, want, body, s.name)
	}
}

func TestStreamOfNoRecordsIsEmpty(t *testing.T) {
	for _, s := range streams {
		res, body := do(t, "GET", respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
			return s.send(w, r, yields(0, nil))
		}).ServeHTTP)
		assert.Equal(t, 200, res.StatusCode, s.name)
		assert.Equal(t, s.mediaType, res.Header.Get("Content-Type"), s.name)
		assert.Empty(t, body, s.name)
	}
}

func TestStreamForHEADReadsOneRecord(t *testing.T) {
	for _, s := range streams {
		pulled := 0
		do(t, "HEAD", respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
			return s.send(w, r, func(yield func(record, error) bool) {
				for pulled = 1; yield(record{pulled}, nil) && pulled < 10; pulled++ {
				}
			})
		}).ServeHTTP)
		if s.name == "Events" { // which does not call the iterator
			assert.Zero(t, pulled)
			continue
		}
		assert.Equal(t, 1, pulled, s.name)
	}
}

func TestStreamThatFailsAtOnceIsAProblem(t *testing.T) {
	for _, s := range streams {
		if s.name == "Events" { // which sends its header first
			continue
		}
		for _, method := range []string{"GET", "HEAD"} {
			wiretest.DefaultLog(t)
			res, body := do(t, method, respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
				return s.send(w, r, yields(0, problem.New(409)))
			}).ServeHTTP)
			assert.Equal(t, 409, res.StatusCode, s.name)
			assert.Equal(t, problem.MediaType, res.Header.Get("Content-Type"), s.name)
			assert.Equal(t, method == "GET", body != "", s.name)
			assert.Empty(t, res.Header.Get("X-Accel-Buffering"), s.name)
		}
	}
}

func TestStreamThatFailsLaterEndsWithAProblem(t *testing.T) {
	const bare = `{"type":"about:blank","title":"Internal Server Error","status":500,"detail":`
	for _, s := range streams {
		log := wiretest.DefaultLog(t)
		res, body := do(t, "GET", respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
			return s.send(w, r, yields(1, errors.New("disk /dev/sda1 is gone")))
		}).ServeHTTP)
		assert.Equal(t, 200, res.StatusCode, s.name)
		assert.True(t, strings.HasPrefix(body, s.before+`{"n":0}`+s.after+s.failed+bare), body)
		assert.True(t, strings.HasSuffix(body, s.after), body)
		assert.NotContains(t, body, "/dev/sda1", s.name)
		assert.Equal(t, 1, strings.Count(log.String(), "/dev/sda1"), "%s: logged once", s.name)
	}
}

func TestStreamEndsAtARecordThatFails(t *testing.T) {
	wiretest.DefaultLog(t)
	for _, send := range []func(http.ResponseWriter, *http.Request, iter.Seq2[any, error]) error{
		respond.NDJSON[any], respond.JSONSeq[any],
		func(w http.ResponseWriter, r *http.Request, s iter.Seq2[any, error]) error {
			w.Header().Set("X-Events", "yes")
			return respond.Events(w, r, func(yield func(respond.Event, error) bool) {
				for v := range s {
					if !yield(respond.Event{Comment: "half", Data: v}, nil) {
						return
					}
				}
			})
		},
	} {
		for n, want := range map[int]int{0: 500, 1: 200} {
			res, body := do(t, "GET", respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
				return send(w, r, func(yield func(any, error) bool) {
					for range n {
						if !yield(4711, nil) {
							return
						}
					}
					yield(func() {}, nil)
				})
			}).ServeHTTP)
			if res.Header.Get("X-Events") != "" {
				want = 200 // the header comes first
			}
			assert.Equal(t, want, res.StatusCode)
			assert.Contains(t, body, `"status":500`)
			assert.Equal(t, n, strings.Count(body, "4711"))
			if res.Header.Get("X-Events") != "" {
				assert.Equal(t, n, strings.Count(body, ": half"), "nothing of the record that failed")
			}
			assert.NotContains(t, body, "\x1e\x1e", "nothing of the record that failed")
		}
	}
}

func TestStreamSendsEachRecordAtOnce(t *testing.T) {
	for _, s := range streams {
		next := make(chan bool)
		srv := wiretest.Start(t, wiretest.HTTP1, respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
			return s.send(w, r, func(yield func(record, error) bool) {
				_ = yield(record{1}, nil) && <-next && yield(record{2}, nil)
			})
		}))
		res, err := http.Get(srv.URL)
		require.NoError(t, err)
		first, err := bufio.NewReader(res.Body).ReadString('\n') // would wait for ever if it were held back
		require.NoError(t, err)
		assert.Contains(t, first, `{"n":1}`, s.name)
		next <- true
		res.Body.Close()
	}
}

func TestStreamStopsWhenTheClientHasGone(t *testing.T) {
	for _, s := range streams {
		wiretest.DefaultLog(t)
		pulled, stopped := make(chan bool, 1), make(chan error, 1)
		srv := wiretest.Start(t, wiretest.HTTP1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			stopped <- s.send(w, r, func(yield func(record, error) bool) {
				for i := 0; yield(record{i}, nil); i++ {
					select {
					case pulled <- true:
					default:
					}
				}
			})
		}))
		ctx, cancel := context.WithCancel(t.Context())
		req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		<-pulled
		cancel()
		res.Body.Close()
		select {
		case err := <-stopped:
			assert.Error(t, err, s.name)
		case <-time.After(10 * time.Second):
			t.Fatal("the stream goes on without a client")
		}
	}
}

func TestStreamStopsWhenTheWriterFails(t *testing.T) {
	w := &broken{discard: discard{http.Header{}}}
	r, _ := http.NewRequest("GET", "/", nil)
	count := 0
	err := respond.NDJSON(w, r, func(yield func(int, error) bool) {
		for yield(count, nil) {
			count++
		}
	})
	assert.ErrorIs(t, err, errBroken)
	assert.Zero(t, count)
}

func TestEventsHaveTheFieldsOfTheStandard(t *testing.T) {
	for _, c := range []struct {
		event  respond.Event
		want   string
		reason string
	}{
		{respond.Event{}, "", "nothing"},
		{respond.Event{Data: "x"}, "data: x\n\n", "text"},
		{respond.Event{Data: ""}, "data:\n\n", "empty text is an event"},
		{respond.Event{Data: record{1}}, "data: {\"n\":1}\n\n", "JSON"},
		{respond.Event{Comment: "beat"}, ": beat\n\n", "a sign of life"},
		{respond.Event{Name: "order", ID: "17", Data: "x", Retry: 1500 * time.Millisecond, Comment: "c"},
			": c\nevent: order\ndata: x\nid: 17\nretry: 1500\n\n", "everything"},
		{respond.Event{Data: "x", Retry: time.Microsecond}, "data: x\nretry: 1\n\n", "less than a millisecond"},
		{respond.Event{Data: "a\nb\r\nc\rd"}, "data: a\ndata: b\ndata: c\ndata: d\n\n", "every kind of line break"},
		{respond.Event{Data: "a\n\nid: 9"}, "data: a\ndata: \ndata: id: 9\n\n", "an empty line ends nothing"},
		{respond.Event{Name: "a\nid: 9", ID: "1\r\ndata: y\x00", Data: "x"}, "event: aid: 9\ndata: x\nid: 1data: y\n\n", "no other field"},
		{respond.Event{Comment: "a\n\ndata: y"}, ": a\n: \n: data: y\n\n", "no other field"},
		{respond.Event{Data: map[string]string{"a": "b\nc"}}, "data: {\"a\":\"b\\nc\"}\n\n", "JSON has no line breaks"},
		{respond.Event{Data: record{1}, Retry: -1}, "data: {\"n\":1}\n\n", "no negative wait"},
	} {
		_, body := do(t, "GET", respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
			return respond.Events(w, r, func(yield func(respond.Event, error) bool) { yield(c.event, nil) })
		}).ServeHTTP)
		assert.Equal(t, c.want, body, c.reason)
	}
}

func TestEventsAreNeitherCachedNorBuffered(t *testing.T) {
	for set, want := range map[string]string{"": "no-cache", "no-store": "no-store"} {
		res, _ := do(t, "GET", respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
			if set != "" {
				w.Header().Set("Cache-Control", set)
			}
			return respond.Events(w, r, eventsOf(yields(1, nil)))
		}).ServeHTTP)
		assert.Equal(t, want, res.Header.Get("Cache-Control"))
		assert.Equal(t, "no", res.Header.Get("X-Accel-Buffering"))
	}
}

// FuzzEvent reads an event as the HTML standard has it: whatever is in a field
// stays in that field.
func FuzzEvent(f *testing.F) {
	f.Add("name", "id", "a\nb", "comment")
	f.Add("\r", "\x00", "\n\n", "\r\n")
	f.Add("a\nid: 1", "b\ndata: 1", "", "")
	f.Add("a\rid: 1", "b\rid: 1", "c\rid: 1", "d\rid: 1")
	f.Fuzz(func(t *testing.T, name, id, data, comment string) {
		w := &collector{discard: discard{http.Header{}}}
		r, _ := http.NewRequest("GET", "/", nil)
		err := respond.Events(w, r, func(yield func(respond.Event, error) bool) {
			yield(respond.Event{Name: name, ID: id, Data: data, Comment: comment}, nil)
		})
		require.NoError(t, err)
		var lines []string
		text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(w.String())
		require.Equal(t, 1, strings.Count(text, "\n\n"), "one event: %q", text)
		for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n\n"), "\n") {
			field, value, _ := strings.Cut(line, ":")
			switch field {
			case "":
			case "data":
				lines = append(lines, strings.TrimPrefix(value, " "))
			case "event":
				assert.Equal(t, strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(name), value[1:])
			case "id":
				assert.Equal(t, strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(id), value[1:])
			default:
				t.Errorf("field %q", field)
			}
		}
		assert.Equal(t, strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(data), strings.Join(lines, "\n"))
	})
}

type collector struct {
	discard
	strings.Builder
}

func (c *collector) Write(p []byte) (int, error) { return c.Builder.Write(p) }

var _ io.Writer = (*collector)(nil)
