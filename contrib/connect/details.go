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

// The bounds of what is sent in the header, in bytes.
const (
	maxMessage = 1 << 10
	maxDetails = 4 << 10
)

func messageOf(d *problem.Details) string {
	if d.Detail != "" {
		return truncate(d.Detail)
	}
	return truncate(d.Title)
}

func truncate(s string) string {
	if len(s) > maxMessage {
		s = s[:maxMessage] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// detailsOf returns the details of an error, for programs to read.
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
	uri = truncate(uri)
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

// constant converts a name to the form of google.rpc's reasons, such as
// OUT_OF_CREDIT: at most 63 letters, digits and underscores. It returns "" if the
// name has no letter.
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
			Field:       truncate(f.Pointer + f.Parameter + f.Header), // two of which are empty
			Description: truncate(f.Detail),
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
