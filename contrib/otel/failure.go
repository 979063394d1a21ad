package otel

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
)

// errorType returns the error.type of a response, or "" if the server did not fail.
// It has few values: the types that the service defines, and status codes.
func errorType(res middleware.Result) string {
	d, status := res.Problem, res.Status
	if d != nil {
		status = max(status, d.Status)
	}
	switch {
	case res.ClientGone && status >= 500:
		return "client_gone"
	case res.ClientGone:
		return ""
	case status >= 500:
		return typeOf(d, status)
	case res.Aborted && res.Panic != nil:
		return fmt.Sprintf("%T", res.Panic)
	case res.Aborted:
		return "aborted"
	case status < 400 && res.Err != nil: // too late for another status
		d := problem.From(res.Err)
		return typeOf(d, d.Status)
	}
	return ""
}

func typeOf(d *problem.Details, status int) string {
	if d == nil || d.Type == "" || d.Type == problem.BlankType {
		return strconv.Itoa(status)
	}
	return truncate(d.Type)
}

// addException adds an event with the reason for which a request failed.
func addException(span trace.Span, res middleware.Result) {
	var kind, message string
	switch {
	case res.Panic != nil:
		kind, message = fmt.Sprintf("%T", res.Panic), fmt.Sprint(res.Panic)
	case res.Err != nil:
		err := causeOf(res.Err)
		kind, message = fmt.Sprintf("%T", err), err.Error()
	default:
		return
	}
	span.AddEvent(semconv.ExceptionEventName, trace.WithAttributes(
		semconv.ExceptionType(truncate(kind)),
		semconv.ExceptionMessage(truncate(message)),
	))
}

// causeOf returns the error behind a problem, whose own message does not contain
// it.
func causeOf(err error) error {
	for range 8 {
		var d *problem.Details
		if !errors.As(err, &d) || d.Unwrap() == nil {
			break
		}
		err = d.Unwrap()
	}
	return err
}

// maxValue is the greatest length of a value in bytes.
const maxValue = 1 << 10

func truncate(s string) string {
	if len(s) > maxValue {
		s = s[:maxValue] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
