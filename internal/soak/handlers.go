package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
	requestbody "github.com/rejoinder-go/rejoinder/request"
	"github.com/rejoinder-go/rejoinder/respond"
)

// secret stands in all that is for developers. No client may see it.
const secret = "SECRET-4711"

var errSecret = errors.New(secret + ": the database is on db7")

// payload is the body of a success, in which the client finds what it sent.
type payload struct {
	N    int    `json:"n"`
	Sum  string `json:"sum,omitempty"`
	Size int64  `json:"size,omitempty"`
}

// order is what POST /orders accepts.
type order struct {
	Item     string `json:"item"`
	Quantity int    `json:"quantity"`
}

func number(r *http.Request, name string) int {
	n, _ := strconv.Atoi(r.URL.Query().Get(name))
	return n
}

func serveJSON(w http.ResponseWriter, r *http.Request) {
	respond.JSON(w, http.StatusOK, payload{N: number(r, "n")})
}

func serveError(w http.ResponseWriter, r *http.Request) {
	respond.Error(w, number(r, "code"), problem.Cause(errSecret))
}

// servePlain writes an error as net/http's own handlers do.
func servePlain(w http.ResponseWriter, r *http.Request) {
	code, text := number(r, "code"), "plain words"
	if code >= 500 {
		text = secret
	}
	http.Error(w, text, code)
}

// serveTyped writes an error with a type of its own, which passes.
func serveTyped(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/vnd.example+json")
	w.WriteHeader(http.StatusConflict)
	_, _ = io.WriteString(w, `{"own":true}`)
}

func fail(http.ResponseWriter, *http.Request) error { return errSecret }

func servePanic(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Query().Get("when") {
	case "late":
		_, _ = w.Write(pattern(4000))
		_ = http.NewResponseController(w).Flush()
	case "abort":
		panic(http.ErrAbortHandler)
	case "exit":
		runtime.Goexit()
	}
	panic(secret)
}

func createOrder(w http.ResponseWriter, r *http.Request) error {
	o, err := requestbody.JSON[order](r)
	if err != nil {
		return err
	}
	respond.Created(w, "/orders/1", payload{N: o.Quantity})
	return nil
}

// echo responds with the digest of the body.
func echo(w http.ResponseWriter, r *http.Request) error {
	sum := sha256.New()
	n, err := io.Copy(sum, r.Body)
	if err != nil {
		return err
	}
	respond.JSON(w, http.StatusOK, payload{Size: n, Sum: hex.EncodeToString(sum.Sum(nil))})
	return nil
}

// upload keeps the files of a form on disk, and does with them what mode says.
func upload(w http.ResponseWriter, r *http.Request) error {
	mode := r.URL.Query().Get("mode")
	if mode == "unread" {
		respond.JSON(w, http.StatusOK, payload{})
		return nil
	}
	if err := r.ParseMultipartForm(1 << 10); err != nil {
		return problem.BadBody(err)
	}
	sum, size := sha256.New(), int64(0)
	for _, headers := range r.MultipartForm.File {
		for _, h := range headers {
			f, err := h.Open()
			if err != nil {
				return err
			}
			n, err := io.Copy(sum, f)
			_ = f.Close()
			if err != nil {
				return err
			}
			size += n
		}
	}
	switch mode {
	case "panic":
		panic(secret)
	case "late":
		<-r.Context().Done()
		return r.Context().Err()
	}
	respond.JSON(w, http.StatusOK, payload{Size: size, Sum: hex.EncodeToString(sum.Sum(nil))})
	return nil
}

// list streams n records, or fails at one.
func list(w http.ResponseWriter, r *http.Request) error {
	n, failing := number(r, "n"), number(r, "fail")
	return respond.NDJSON(w, r, func(yield func(payload, error) bool) {
		for i := range n {
			if failing > 0 && i == failing-1 {
				yield(payload{}, errSecret)
				return
			}
			if !yield(payload{N: i}, nil) {
				return
			}
		}
	})
}

// events sends n events.
func events(w http.ResponseWriter, r *http.Request) error {
	n := number(r, "n")
	return respond.Events(w, r, func(yield func(respond.Event, error) bool) {
		for i := range n {
			if !yield(respond.Event{ID: strconv.Itoa(i), Data: payload{N: i}}, nil) {
				return
			}
		}
	})
}

// live sends events until the server shuts down. A client that does not read
// has a while for each.
func (s *service) live(w http.ResponseWriter, r *http.Request) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	return respond.Events(w, r, s.beats(w, r.Context(), tick.C))
}

func (s *service) beats(w http.ResponseWriter, ctx context.Context, tick <-chan time.Time) iter.Seq2[respond.Event, error] {
	text := strings.Repeat("x", 500)
	control, ending := http.NewResponseController(w), s.ending()
	return func(yield func(respond.Event, error) bool) {
		for {
			select {
			case <-ctx.Done():
				return
			case <-ending:
				yield(respond.Event{Name: "bye", Data: "bye"}, nil)
				return
			case <-tick:
			}
			_ = control.SetWriteDeadline(time.Now().Add(patience / 3))
			if !yield(respond.Event{Data: text}, nil) {
				return
			}
		}
	}
}

// overdue needs longer than its Timeout permits.
func overdue(w http.ResponseWriter, r *http.Request) {
	switch mode := r.URL.Query().Get("mode"); mode {
	case "begun":
		_, _ = w.Write(pattern(5000))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	case "deaf", "panic":
		time.Sleep(8 * shortTimeout) // without regard for the context
		if mode == "panic" {
			panic(secret)
		}
		_, _ = w.Write(pattern(5000))
	case "reading":
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	default:
		<-r.Context().Done()
	}
}

// leaveBehind responds, and leaves a goroutine that does not know of it. The
// writer of a chain refuses what it does.
func leaveBehind(w http.ResponseWriter, r *http.Request) {
	respond.JSON(w, http.StatusOK, payload{N: number(r, "n")})
	go func() {
		<-r.Context().Done() // when net/http has let go of the request
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, secret)
	}()
}

func slow(w http.ResponseWriter, r *http.Request) {
	time.Sleep(time.Duration(number(r, "ms")) * time.Millisecond)
	respond.JSON(w, http.StatusOK, payload{N: number(r, "n")})
}

// big sends so many bytes, in pieces.
func big(w http.ResponseWriter, r *http.Request) {
	piece := pattern(16 << 10)
	w.Header().Set("Content-Type", "application/octet-stream")
	for n := number(r, "n"); n > 0; n -= len(piece) {
		if _, err := w.Write(piece[:min(n, len(piece))]); err != nil {
			return
		}
	}
}

// pattern is a body of n bytes. Each starts as all longer ones do.
func pattern(n int) []byte {
	return bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n]
}

func (s *service) file(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, s.fileName) }

func early(w http.ResponseWriter, r *http.Request) {
	respond.EarlyHints(w, r, "</style.css>; rel=preload; as=style")
	respond.JSON(w, http.StatusOK, payload{N: number(r, "n")})
}

func trailer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Trailer", "X-Sum")
	w.Header().Set("Content-Type", "application/octet-stream")
	body := pattern(number(r, "n"))
	_, _ = w.Write(body)
	_ = http.NewResponseController(w).Flush()
	w.Header().Set("X-Sum", digest(body))
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

func conditional(w http.ResponseWriter, r *http.Request) {
	if !respond.Conditional(w, r, respond.Validators{Tag: "7"}) {
		respond.JSON(w, http.StatusOK, payload{N: number(r, "n")})
	}
}

// spend learns only while it works what the request costs.
func spend(w http.ResponseWriter, r *http.Request) error {
	if err := ratelimit.Spend(r.Context(), 1); err != nil {
		return fmt.Errorf("%s: %w", secret, err)
	}
	respond.JSON(w, http.StatusOK, payload{N: number(r, "n")})
	return nil
}

// login fails for those without the word.
func login(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") == "" {
		respond.Error(w, http.StatusUnauthorized, problem.Challenge(`Bearer realm="soak"`))
		return
	}
	respond.NoContent(w)
}
