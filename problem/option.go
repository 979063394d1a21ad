package problem

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Option sets one property of a problem. Options cannot fail, and a nil Option is
// ignored. If two options set the same property, the later one wins.
type Option func(*Details)

// Detail sets the detail, which explains this occurrence to the client.
func Detail(text string) Option {
	return func(d *Details) { d.Detail = text }
}

// Detailf is like [Detail], with a format of package fmt. Do not pass an error
// among the arguments: its message would be sent to the client. Use [Cause].
func Detailf(format string, args ...any) Option {
	return func(d *Details) { d.Detail = fmt.Sprintf(format, args...) }
}

// Title replaces the title. All problems of a type have the same title (RFC 9457,
// section 3.1.3), so use it only for a translation.
func Title(text string) Option {
	return func(d *Details) { d.Title = text }
}

// Instance sets the URI reference that identifies this occurrence.
func Instance(uri string) Option {
	return func(d *Details) { d.Instance = uri }
}

// Extension adds a member whose value is v, encoded as JSON. A name should begin
// with a letter and consist of three or more letters, digits and underscores (RFC
// 9457, section 4); [Details.Lint] checks that. An extension with the name of a
// standard member, or with a value that cannot be encoded, is left out of the
// document, and [Details.AppendJSON] reports it.
func Extension(name string, v any) Option {
	return func(d *Details) {
		if d.Extensions == nil {
			d.Extensions = make(map[string]any, 1)
		}
		d.Extensions[name] = v
	}
}

// Cause sets the error that [Details.Unwrap] returns, for [errors.Is], [errors.As]
// and the log. It is never sent to a client.
func Cause(err error) Option {
	return func(d *Details) { d.cause = err }
}

// Header adds a header field to the response. It keeps the values that the field
// has already.
func Header(key, value string) Option {
	return func(d *Details) { d.header().Add(key, value) }
}

// RetryAfter sets the Retry-After header field, which says how long the client
// should wait. The wait is rounded up to whole seconds, because Retry-After has no
// fractions (RFC 9110, section 10.2.3). A negative wait counts as zero.
func RetryAfter(wait time.Duration) Option {
	return func(d *Details) {
		seconds := int64(max(wait, 0) / time.Second)
		if wait > 0 && wait%time.Second != 0 {
			seconds++
		}
		d.header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
}

// Challenge adds challenges such as `Bearer realm="orders"` to the header field
// Proxy-Authenticate if the status is 407, and otherwise to WWW-Authenticate. A
// 401 and a 407 each require at least one (RFC 9110, sections 15.5.2 and 15.5.8).
func Challenge(challenges ...string) Option {
	return func(d *Details) {
		field := "Www-Authenticate"
		if d.Status == http.StatusProxyAuthRequired {
			field = "Proxy-Authenticate"
		}
		for _, c := range challenges {
			d.header().Add(field, c)
		}
	}
}

// Allow sets the Allow header field, which a 405 requires, to the methods that the
// resource supports (RFC 9110, section 15.5.6). Without methods the field is empty:
// the resource supports none at present.
func Allow(methods ...string) Option {
	return func(d *Details) { d.header().Set("Allow", strings.Join(methods, ", ")) }
}

// Upgrade sets the Upgrade header field, which a 426 requires, to the protocols
// that the server would accept, in order of preference (RFC 9110, section 15.5.22).
func Upgrade(protocols ...string) Option {
	return func(d *Details) {
		d.header().Set("Upgrade", strings.Join(protocols, ", "))
		d.header().Set("Connection", "Upgrade")
	}
}

// Errors adds faults to the "errors" extension (RFC 9457, section 3), which lists
// what is wrong with each part of the request. Without arguments it adds nothing.
func Errors(errs ...FieldError) Option {
	return func(d *Details) {
		if len(errs) == 0 {
			return
		}
		have, _ := d.Extensions["errors"].([]FieldError)
		all := make([]FieldError, 0, len(have)+len(errs))
		Extension("errors", append(append(all, have...), errs...))(d)
	}
}

func (d *Details) header() http.Header {
	if d.Header == nil {
		d.Header = make(http.Header, 1)
	}
	return d.Header
}
