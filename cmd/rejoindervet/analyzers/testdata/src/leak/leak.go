// Package leak has cases of the check leak.
package leak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"runtime/debug"

	"helpers"
)

var errClosed = errors.New("closed for today")

func find() (string, error) { return "", errClosed }

// Reported.

func plainText(w http.ResponseWriter, r *http.Request) {
	if _, err := find(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError) // want `the client of this 500 reads the text of err: log it, and write a sentence of your own instead`
	}
}

func concatenated(w http.ResponseWriter, r *http.Request) {
	if _, err := find(); err != nil {
		http.Error(w, "cannot find: "+err.Error(), 500) // want `the client of this 500 reads the text of err`
	}
}

func formatted(w http.ResponseWriter, r *http.Request) {
	if _, err := find(); err != nil {
		http.Error(w, fmt.Sprintf("cannot find: %v", err), http.StatusBadGateway) // want `the client of this 502 reads the text of err`
	}
}

func variable(w http.ResponseWriter, r *http.Request) {
	_, err := find()
	msg := fmt.Sprint("cannot find: ", err)
	log.Print(msg)
	http.Error(w, msg, http.StatusServiceUnavailable) // want `the client of this 503 reads the text of err`
}

func printed(w http.ResponseWriter, r *http.Request) {
	if _, err := find(); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(w, "cannot find: %s\n", err) // want `the client of this 500 reads the text of err`
	}
}

func written(w http.ResponseWriter, r *http.Request) {
	if _, err := find(); err != nil {
		w.WriteHeader(500)
		_, _ = w.Write([]byte(err.Error())) // want `the client of this 500 reads the text of err`
	}
}

func writeString(w http.ResponseWriter, r *http.Request) {
	if _, err := find(); err != nil {
		w.WriteHeader(500)
		_, _ = io.WriteString(w, err.Error()) // want `the client of this 500 reads the text of err`
	}
}

func encoded(w http.ResponseWriter, r *http.Request) {
	if _, err := find(); err != nil {
		w.WriteHeader(500)
		_ = json.NewEncoder(w).Encode(map[string]any{"code": 1, "error": err.Error()}) // want `the client of this 500 reads the text of err`
	}
}

type failure struct{ Message string }

func marshalled(w http.ResponseWriter, r *http.Request) {
	if _, err := find(); err != nil {
		body, _ := json.Marshal(&failure{Message: err.Error()})
		w.WriteHeader(500)
		_, _ = w.Write(body) // want `the client of this 500 reads the text of err`
	}
}

func stack(w http.ResponseWriter, r *http.Request) {
	http.Error(w, string(debug.Stack()), 500) // want `the client of this 500 reads the text of a stack trace`
}

func panicking(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if v := recover(); v != nil {
			http.Error(w, fmt.Sprintf("panic: %v", v), 500) // want `the client of this 500 reads the text of the value of the panic`
		}
	}()
}

func wrapped(w http.ResponseWriter, r *http.Request) {
	if _, err := find(); err != nil {
		err = fmt.Errorf("reading: %w", err)
		http.Error(w, err.Error(), 500) // want `the client of this 500 reads the text of err`
	}
}

func throughHelper(w http.ResponseWriter, r *http.Request) {
	if _, err := find(); err != nil {
		helpers.Error(w, 500, err.Error()) // want `the client of this 500 reads the text of err`
	}
}

func throughJSON(w http.ResponseWriter, r *http.Request) {
	if _, err := find(); err != nil {
		helpers.JSON(w, 500, map[string]string{"error": err.Error()}) // want `the client of this 500 reads the text of err`
	}
}

func throughError(w http.ResponseWriter, r *http.Request) {
	if _, err := find(); err != nil {
		helpers.Fail(w, 500, err) // want `the client of this 500 reads the text of err`
	}
}

func own(w http.ResponseWriter, err error) {
	http.Error(w, err.Error(), 500) // want `the client of this 500 reads the text of err`
}

func shout(w http.ResponseWriter, code int, format string, args ...any) {
	http.Error(w, fmt.Sprintf(format, args...), code)
}

func throughVariadic(w http.ResponseWriter, r *http.Request) {
	if _, err := find(); err != nil {
		shout(w, 500, "cannot find %s: %v", r.URL.Path, err) // want `the client of this 500 reads the text of err`
	}
}

func inField(w http.ResponseWriter, s struct{ Err error }) {
	http.Error(w, s.Err.Error(), 500) // want `the client of this 500 reads the text of s.Err`
}

func fromCall(w http.ResponseWriter, f func() error) {
	http.Error(w, f().Error(), 500) // want `the client of this 500 reads the text of the error of f`
}

type server struct{ w http.ResponseWriter }

func (s *server) field(err error) {
	http.Error(s.w, err.Error(), 500) // want `the client of this 500 reads the text of err`
}

func longer(w http.ResponseWriter, r *http.Request) {
	_, err := find()
	msg := err.Error()
	msg = "cannot find: " + msg
	http.Error(w, msg, 500) // want `the client of this 500 reads the text of err`
}

// Not reported.

func sent(w http.ResponseWriter, r *http.Request) {
	_, err := find()
	helpers.Send(w, map[string]string{"error": err.Error()}) // 200
}

func tooLate(w http.ResponseWriter, r *http.Request) {
	if _, err := w.Write([]byte("done")); err != nil {
		http.Error(w, err.Error(), 500) // a fault, but the client has seen a 200
	}
}

func lastAssigned(w http.ResponseWriter, r *http.Request) {
	_, err := find()
	if r.Method == "PUT" {
		err = errors.New("not on Sundays")
		http.Error(w, err.Error(), 503)
	}
	log.Print(err)
}

func ofClient(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func constant(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "try again later", 500)
}

func ofStatus(w http.ResponseWriter, r *http.Request) {
	http.Error(w, http.StatusText(500), 500)
}

func sentinel(w http.ResponseWriter, r *http.Request) {
	http.Error(w, errClosed.Error(), 503)
}

func otherSentinel(w http.ResponseWriter, r *http.Request) {
	http.Error(w, http.ErrHandlerTimeout.Error(), 503)
}

func local(w http.ResponseWriter, r *http.Request) {
	err := errors.New("not yet")
	if r.Method == "PUT" {
		err = fmt.Errorf("no PUT for %s", r.Host)
	}
	http.Error(w, err.Error(), 501)
}

func unknownCode(w http.ResponseWriter, err error, code int) {
	http.Error(w, err.Error(), code)
}

func changedCode(w http.ResponseWriter, r *http.Request) {
	code := 500
	_, err := find()
	if errors.Is(err, os.ErrNotExist) {
		code = 404
	}
	http.Error(w, err.Error(), code)
}

func asked(w http.ResponseWriter, r *http.Request) {
	if _, err := find(); errors.Is(err, errClosed) {
		http.Error(w, err.Error(), 503)
	}
}

func compared(w http.ResponseWriter, r *http.Request) {
	switch _, err := find(); err {
	case nil:
	case errClosed:
		http.Error(w, err.Error(), 503)
	default:
		http.Error(w, "failed", 500)
	}
}

type public struct{}

func (public) Error() string { return "for the client" }

func ownType(w http.ResponseWriter, r *http.Request) {
	_, err := find()
	var p public
	if errors.As(err, &p) {
		http.Error(w, p.Error(), 503)
	}
}

func typeOnly(w http.ResponseWriter, r *http.Request) {
	_, err := find()
	http.Error(w, fmt.Sprintf("failed: %T", err), 500)
}

func onlyLogged(w http.ResponseWriter, r *http.Request) {
	if _, err := find(); err != nil {
		log.Print(err.Error())
		w.WriteHeader(500)
		fmt.Fprintln(w, "failed")
	}
}

func errorAsJSON(w http.ResponseWriter, r *http.Request) {
	if _, err := find(); err != nil {
		w.WriteHeader(500)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": err}) // {"error":{}}
	}
}

func sometimes(w http.ResponseWriter, r *http.Request) {
	_, err := find()
	msg := "failed"
	if os.Getenv("DEBUG") != "" {
		msg = err.Error()
	}
	http.Error(w, msg, 500)
}

func either(w http.ResponseWriter, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		b = []byte(err.Error())
	}
	w.WriteHeader(500)
	w.Write(b) // on most paths that is v
}

func toFile(w http.ResponseWriter, f *os.File) {
	_, err := find()
	w.WriteHeader(500)
	fmt.Fprintln(f, err)
}

func success(w http.ResponseWriter, r *http.Request) {
	_, err := find()
	fmt.Fprintln(w, err)
}

func ofContext(w http.ResponseWriter, r *http.Request) {
	http.Error(w, r.Context().Err().Error(), 503)
}

func cause(ctx context.Context, w http.ResponseWriter) {
	shout(w, 503, "the server stops")
	helpers.Fail(w, 503, errClosed)
}

func excused(w http.ResponseWriter, r *http.Request) {
	_, err := find()
	//rejoindervet:ignore leak this port is open to operators only
	http.Error(w, err.Error(), 500)
}
