package connect

import (
	"net/url"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/rejoinder-go/rejoinder/problem"
)

// Bounds in bytes of what is sent in the header.
const (
	maxMessage = 1 << 10
	maxDetails = 4 << 10
)

func messageOf(d *problem.Details) string {
	if d.Detail != "" {
		return bounded(d.Detail)
	}
	return bounded(d.Title)
}

func bounded(s string) string {
	if len(s) > maxMessage {
		s = s[:maxMessage] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// detailsOf returns what a client can read by program.
func detailsOf(d *problem.Details, c code.Code) (all []*anypb.Any) {
	room := maxDetails
	add := func(m proto.Message) {
		if a, err := anypb.New(m); err == nil && len(a.Value) <= room {
			all = append(all, a)
			room -= len(a.Value)
		}
	}
	if wait, ok := d.RetryAfter(); ok {
		add(&errdetails.RetryInfo{RetryDelay: durationpb.New(wait)})
	}
	if d.Type != "" && d.Type != problem.BlankType {
		add(errorInfo(d.Type, c))
	}
	if faults := badRequest(d, room); len(faults.FieldViolations) > 0 {
		add(faults)
	}
	return all
}

// errorInfo names a problem type as google.rpc.ErrorInfo does: the host as the
// domain, and the end of the path as the reason.
func errorInfo(uri string, c code.Code) *errdetails.ErrorInfo {
	uri = bounded(uri)
	info := &errdetails.ErrorInfo{Reason: c.String(), Metadata: map[string]string{"type": uri}}
	u, err := url.Parse(uri)
	if err != nil {
		return info
	}
	info.Domain = u.Hostname()
	name := u.Path + u.Opaque
	if u.Fragment != "" {
		name = u.Fragment
	}
	name = strings.TrimRight(name, "/")
	if name = constant(name[strings.LastIndexAny(name, "/:")+1:]); name != "" {
		info.Reason = name
	}
	return info
}

// constant returns a name in the way of constants, OUT_OF_CREDIT, of at most 63
// letters, as google.rpc prescribes. It is empty if nothing can be made of it.
func constant(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
	name = strings.Trim(name[:min(len(name), 63)], "_")
	return strings.TrimLeft(name, "0123456789_")
}

// badRequest returns the field errors of a problem, as many as there is room for.
func badRequest(d *problem.Details, room int) *errdetails.BadRequest {
	m := new(errdetails.BadRequest)
	var faults []problem.FieldError
	if d.Extension("errors", &faults) != nil {
		return m
	}
	for _, f := range faults {
		v := &errdetails.BadRequest_FieldViolation{
			Field:       bounded(f.Pointer + f.Parameter + f.Header), // of which it has one
			Description: bounded(f.Detail),
			Reason:      constant(f.Code),
		}
		const framing = 8 // of the field in the message
		if room -= proto.Size(v) + framing; room < 0 {
			break
		}
		m.FieldViolations = append(m.FieldViolations, v)
	}
	return m
}
