package problem_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
)

// holder is an error with a Problem method.
type holder struct{ d *problem.Details }

func (h holder) Error() string             { return "secret" }
func (h holder) Problem() *problem.Details { return h.d }

// converts is an error with an As method that returns a problem.
type converts struct{}

func (converts) Error() string { return "secret" }
func (converts) As(target any) bool {
	d, ok := target.(**problem.Details)
	if ok {
		*d = problem.New(423)
	}
	return ok
}

func TestFromMapsEveryKindOfError(t *testing.T) {
	remote := read(t, `{"status":404,"title":"theirs"}`)
	wrap := func(err error) error { return fmt.Errorf("secret: %w", err) }
	for _, tt := range []struct {
		why  string
		err  error
		want int
	}{
		// problems
		{"a problem", problem.New(404), 404},
		{"wrapped", wrap(wrap(problem.New(404))), 404},
		{"the nearest of two", wrap(problem.New(404, problem.Cause(problem.New(503)))), 404},
		{"its cause does not count", problem.New(409, problem.Cause(context.DeadlineExceeded)), 409},
		{"a type", OutOfCredit, 403},
		{"a type, wrapped", wrap(OutOfCredit), 403},
		{"an error with a problem", wrap(holder{problem.New(410)}), 410},
		{"an error whose problem is nil", wrap(holder{}), 500},
		{"an error that converts", wrap(converts{}), 423},
		{"an unregistered status", problem.New(499), 499},
		{"a problem of the zero value", &problem.Details{}, 0},
		// remote problems
		{"a remote one", remote, 502},
		{"a remote one, wrapped", wrap(remote), 502},
		{"a remote one from an error", holder{remote}, 502},
		{"a local one about a remote one", problem.New(409, problem.Cause(remote)), 409},
		{"a copy of a remote one", remote.With(problem.Detail("x")), 502},
		// joined errors
		{"the most urgent", errors.Join(problem.New(404), problem.New(503), problem.New(400)), 503},
		{"the first of equals", errors.Join(problem.New(409), problem.New(404)), 409},
		{"with two verbs", fmt.Errorf("%w: %w", problem.New(404), problem.New(500)), 500},
		{"beside an unknown error", fmt.Errorf("%w: %w", problem.New(404), io.EOF), 404},
		{"beside a known error", errors.Join(context.DeadlineExceeded, problem.New(404)), 404},
		{"beside a remote one", errors.Join(problem.New(404), remote), 502},
		{"deep in a tree", wrap(errors.Join(io.EOF, wrap(errors.Join(wrap(problem.New(418)), nil)))), 418},
		{"a status that makes a 500", errors.Join(problem.New(404), &problem.Details{Status: 1000}), 1000},
		{"a success is less urgent than a failure", errors.Join(problem.New(200), problem.New(404)), 404},
		// the standard library
		{"deadline", wrap(context.DeadlineExceeded), 504},
		{"deadline of a dial", &net.OpError{Op: "dial", Err: context.DeadlineExceeded}, 504},
		{"cancelled", wrap(context.Canceled), 503},
		{"unsupported", wrap(errors.ErrUnsupported), 501},
		{"unsupported by the system", wrap(syscall.ENOSYS), 501},
		{"too large", wrap(&http.MaxBytesError{Limit: 10}), 413},
		{"no file", &fs.PathError{Op: "open", Path: "/secret", Err: syscall.ENOENT}, 404},
		{"no permission", &fs.PathError{Op: "open", Path: "/secret", Err: syscall.EACCES}, 403},
		{"os.ErrNotExist", wrap(os.ErrNotExist), 404},
		{"no socket", wrap(&net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", syscall.ENOENT)}), 500},
		{"a firewall", wrap(&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.EPERM)}), 500},
		{"JSON, syntax", wrap(json.Unmarshal([]byte("{'a':1}"), new(any))), 500},
		{"JSON, type", wrap(json.Unmarshal([]byte(`{"a":"x"}`), new(map[string]int))), 500},
		{"JSON, cut short", json.NewDecoder(strings.NewReader(`{"a":`)).Decode(new(any)), 500},
		{"cut short, somewhere", wrap(io.ErrUnexpectedEOF), 500},
		{"the end of something", io.EOF, 500},
		{"a server error goes first", errors.Join(fs.ErrNotExist, context.DeadlineExceeded), 504},
		// all others
		{"anything", errors.New("secret"), 500},
		{"nothing joined", fmt.Errorf("secret"), 500},
	} {
		d := problem.From(tt.err)
		require.NotNil(t, d, tt.why)
		assert.Equal(t, tt.want, d.Status, tt.why)
		assert.NotContains(t, write(t, d), "secret", tt.why)
		assert.NotContains(t, write(t, d), "theirs", tt.why)
		if _, same := tt.err.(*problem.Details); !same || d.Status == 502 {
			assert.False(t, d.IsRemote(), tt.why)
		}
	}
}

func TestFromOfNilIsNil(t *testing.T) {
	assert.Nil(t, problem.From(nil))
	assert.Nil(t, problem.Mapping{func(error) *problem.Details { panic("called") }}.From(nil))
	assert.Equal(t, 500, problem.From((*problem.Details)(nil)).Status, "an error that is not nil, although it holds a nil problem")
	assert.Equal(t, 500, problem.From((*problem.Type)(nil)).Status)
}

func TestFromReturnsTheProblemAndKeepsCauses(t *testing.T) {
	d := problem.New(404)
	assert.Same(t, d, problem.From(fmt.Errorf("x: %w", d)))
	for _, err := range []error{
		io.EOF, fs.ErrNotExist, context.Canceled, &http.MaxBytesError{}, fmt.Errorf("x: %w", OutOfCredit),
		read(t, `{}`), fmt.Errorf("x: %w", read(t, `{}`)), holder{problem.New(404)},
	} {
		assert.Equal(t, err, problem.From(err).Unwrap(), "%v", err)
	}
	with := problem.New(404, problem.Cause(io.EOF))
	assert.Same(t, with, problem.From(holder{with}), "a cause of its own")
	assert.NoError(t, problem.From(OutOfCredit).Unwrap(), "a type alone has nothing to add")
}

func TestFromLeavesASharedProblemAlone(t *testing.T) {
	shared := problem.New(404)
	_ = problem.From(holder{shared})
	assert.NoError(t, shared.Unwrap())
}

func TestMappingComesAfterLocalProblems(t *testing.T) {
	errNoRows := errors.New("no rows")
	remote := read(t, `{"type":"https://example.com/probs/out-of-credit"}`)
	calls := 0
	m := problem.Mapping{
		nil,
		func(error) *problem.Details { calls++; return nil },
		func(err error) *problem.Details {
			switch {
			case errors.Is(err, errNoRows):
				return problem.New(404)
			case errors.Is(err, OutOfCredit):
				return problem.New(402)
			case errors.Is(err, fs.ErrNotExist):
				return problem.New(500)
			case errors.Is(err, io.ErrClosedPipe):
				return remote
			}
			return nil
		},
	}
	for _, tt := range []struct {
		why  string
		err  error
		want int
	}{
		{"an error of the application", fmt.Errorf("x: %w", errNoRows), 404},
		{"a problem that has one for a cause", problem.New(409, problem.Cause(errNoRows)), 409},
		{"a problem of another server", remote, 402},
		{"one that is not mapped", read(t, `{}`), 502},
		{"before the standard library", fs.ErrNotExist, 500},
		{"not mapped, but standard", context.DeadlineExceeded, 504},
		{"not mapped at all", errors.New("x"), 500},
		{"mapped to a problem of another server", io.ErrClosedPipe, 502},
	} {
		d := m.From(tt.err)
		assert.Equal(t, tt.want, d.Status, tt.why)
		assert.ErrorIs(t, d, tt.err, tt.why)
	}
	assert.Equal(t, 7, calls, "every error but the local problem")
}

func TestFromReportsATimeoutOfARealClient(t *testing.T) {
	client := http.Client{Timeout: time.Millisecond, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})}
	_, err := client.Get("http://example.com/")
	assert.Equal(t, 504, problem.From(err).Status)
}
