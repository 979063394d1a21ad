package problem

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Option sets one thing of a problem. Options cannot fail; a nil one is
// skipped. Of two that set the same thing the later wins.
type Option func(*Details)

// Detail says what happened this time, in words that the client may read.
func Detail(text string) Option {
	return func(d *Details) { d.Detail = text }
}

// Detailf is [Detail] with the verbs of package fmt. Mind that an error among
// the arguments puts its text before the client; use [Cause] for that.
func Detailf(format string, args ...any) Option {
	return func(d *Details) { d.Detail = fmt.Sprintf(format, args...) }
}

// Title replaces the title. A title belongs to the type and stays the same for
// all its occurrences (RFC 9457, section 3.1.3): use it to translate.
func Title(text string) Option {
	return func(d *Details) { d.Title = text }
}

// Instance names this occurrence by a URI reference.
func Instance(uri string) Option {
	return func(d *Details) { d.Instance = uri }
}

// Extension adds a member with the JSON of v. RFC 9457, section 4, advises
// names of three or more letters, digits and underscores that begin with a
// letter; [Details.Lint] checks that. A standard member's name, and a value that
// cannot be encoded, are left out of the response and reported by its writer.
func Extension(name string, v any) Option {
	return func(d *Details) {
		if d.Extensions == nil {
			d.Extensions = make(map[string]any, 1)
		}
		d.Extensions[name] = v
	}
}

// Cause keeps the error behind the problem for [errors.Is], [errors.As] and
// the log. It is never sent.
func Cause(err error) Option {
	return func(d *Details) { d.cause = err }
}

// Header adds a value to a field of the response's header.
func Header(key, value string) Option {
	return func(d *Details) { d.header().Add(key, value) }
}

// RetryAfter tells the client how long to wait: in whole seconds, rounded up,
// since Retry-After has no fractions (RFC 9110, section 10.2.3). A negative
// wait counts as zero.
func RetryAfter(wait time.Duration) Option {
	return func(d *Details) {
		seconds := int64(max(wait, 0) / time.Second)
		if wait > 0 && wait%time.Second != 0 {
			seconds++
		}
		d.header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
}

// Challenge adds challenges such as `Bearer realm="orders"`. They go into
// Proxy-Authenticate for 407 and into WWW-Authenticate otherwise; a 401 and a
// 407 each need one at least (RFC 9110, sections 15.5.2 and 15.5.8).
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

// Allow lists the methods that the resource supports, which a 405 has to tell
// (RFC 9110, section 15.5.6). Without methods the list is empty: the resource
// supports none at present.
func Allow(methods ...string) Option {
	return func(d *Details) { d.header().Set("Allow", strings.Join(methods, ", ")) }
}

// Upgrade lists the protocols that the server would accept, best first, which
// a 426 has to tell (RFC 9110, section 15.5.22).
func Upgrade(protocols ...string) Option {
	return func(d *Details) {
		d.header().Set("Upgrade", strings.Join(protocols, ", "))
		d.header().Set("Connection", "Upgrade")
	}
}

// Errors lists what is wrong with each part of the request, as the "errors"
// member of RFC 9457, section 3. Several calls add up. Nothing is
// added where there are none.
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
