package ratelimit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// The header fields and parameters of draft-ietf-httpapi-ratelimit-headers-11,
// which has expired and may still change. No other file spells them.
const (
	policyField = "Ratelimit-Policy" // both in the form that http.Header has them
	stateField  = "Ratelimit"

	quotaParam     = ";q="
	windowParam    = ";w="
	availableParam = ";r="
	effectiveParam = ";t="
	partitionParam = ";pk="
	unitParam      = ";qu="
)

// concurrent is the quota unit of a concurrency limit, a quoted string.
const concurrent = `"concurrent-requests"`

// HeaderNames returns the names of the header fields that the limiters of this
// package set, for the Access-Control-Expose-Headers of a CORS middleware: a
// browser hides all others from scripts of another origin. Each call returns a
// new slice.
func HeaderNames() []string {
	return []string{"Retry-After", "RateLimit", "RateLimit-Policy", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
}

// appendConcurrencyPolicy appends the policy of a concurrency limit.
func appendConcurrencyPolicy(dst []byte, quoted string, n int) []byte {
	dst = append(dst, quoted...)
	dst = append(dst, quotaParam...)
	dst = appendInteger(dst, n)
	dst = append(dst, unitParam...)
	return append(dst, concurrent...)
}

// appendConcurrencyState appends how many more requests there can be at once. No
// time belongs to that number.
func appendConcurrencyState(dst []byte, quoted string, n int) []byte {
	dst = append(dst, quoted...)
	dst = append(dst, availableParam...)
	return appendInteger(dst, n)
}

// maxInteger is the largest integer of RFC 9651, section 3.3.1.
const maxInteger int64 = 999_999_999_999_999

// appendPolicyItem appends what a policy grants. The quota on the wire is the
// capacity of the bucket, and the window is the time in which an empty bucket
// fills: N per Per, unless Burst is another number.
func appendPolicyItem(dst []byte, quoted string, q Quota, partition string) []byte {
	dst = append(dst, quoted...)
	dst = append(dst, quotaParam...)
	dst = appendInteger(dst, q.Capacity())
	dst = append(dst, windowParam...)
	window := q.Per
	if q.N > 0 {
		window = q.span(q.Capacity())
	}
	dst = appendInteger(dst, seconds(window))
	return appendPartition(dst, partition)
}

// appendStateItem appends what is available, and for how many seconds it has to
// last. No item promises a faster pace than the rate of the policy. If waiting
// does not help, there is no time.
func appendStateItem(dst []byte, quoted string, available int, window time.Duration, partition string) []byte {
	dst = append(dst, quoted...)
	dst = append(dst, availableParam...)
	dst = appendInteger(dst, available)
	if window != Never {
		dst = append(dst, effectiveParam...)
		dst = appendInteger(dst, seconds(window))
	}
	return appendPartition(dst, partition)
}

func appendPartition(dst []byte, partition string) []byte {
	if partition == "" {
		return dst
	}
	dst = append(dst, partitionParam...)
	dst = append(dst, ':')
	dst = append(dst, partition...)
	return append(dst, ':')
}

func appendInteger[T int | int64](dst []byte, n T) []byte {
	return strconv.AppendInt(dst, min(max(int64(n), 0), maxInteger), 10)
}

// seconds rounds up, since a client that comes sooner is refused again. It
// returns at least 1, since in 0 seconds nothing comes back.
func seconds(d time.Duration) int64 {
	return max(1, int64(d/time.Second)+btoi(d%time.Second > 0))
}

func btoi(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// quote returns a name as a string of RFC 9651, section 3.3.3.
func quote(name string) (string, error) {
	q := make([]byte, 0, len(name)+2)
	q = append(q, '"')
	for i := range len(name) {
		c := name[i]
		if c < 0x20 || c > 0x7e {
			return "", errors.New("name is not printable ASCII")
		}
		if c == '"' || c == '\\' {
			q = append(q, '\\')
		}
		q = append(q, c)
	}
	return string(append(q, '"')), nil
}

// partitionKey returns the start of a keyed hash, in the base64 of a byte sequence
// (RFC 9651, section 3.3.5). It shows a client which of its requests share a
// bucket, and shows no one whose that is. Nine bytes need no padding.
func partitionKey(secret []byte, key string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(key))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)[:9])
}

// setHeader reports in h what is granted and what is left. A refusal reports what
// is left of the violated policies alone, so that only Retry-After sets the time
// to come back (section 6 of the draft). If the request is allowed and a policy
// has nothing left, setHeader returns the value of RateLimit.
func (e *evaluation) setHeader(h http.Header) (exhausted string) {
	if e.allowed && !e.hasVerdicts() {
		return ""
	}
	values, tightest := e.values()
	addField(h, policyField, values[0:1:1])
	if e.allowed {
		addField(h, stateField, values[1:2:2])
	} else {
		setField(h, stateField, values[1:2:2]) // the time of an outer limiter is not one to come back at
		setField(h, "Retry-After", values[2:3:3])
	}
	if e.limiter.legacy && tightest.Remaining >= 0 {
		e.setLegacy(h, tightest)
	}
	if e.allowed && tightest.Remaining == 0 {
		return values[1]
	}
	return ""
}

// values returns the values of RateLimit-Policy, RateLimit and Retry-After, empty
// if there is none, and the verdict with the fewest units left of those that
// clients may see.
//
// All values are parts of one string, in one array. The caller cuts each slice to
// its own capacity, so that appending to one copies it.
func (e *evaluation) values() ([]string, Verdict) {
	text, granted, tightest := e.text[:0], 0, Verdict{Remaining: -1}
	known := e.hasVerdicts()
	fixed := known && e.limiter.fixed != "" && len(e.applied) == len(e.limiter.policies)
	if known {
		if !fixed {
			text = e.appendPolicies(text)
		}
		granted = len(text)
		text, tightest = e.appendStates(text)
	}
	left := len(text)
	if !e.allowed && e.wait != Never {
		text = appendInteger(text, seconds(e.wait))
	}
	e.text = text
	all := string(text)
	values := []string{all[:granted], all[granted:left], all[left:]}
	if fixed {
		values[0] = e.limiter.fixed
	}
	if e.limiter.fields == NoFields {
		values[0], values[1] = "", ""
	}
	return values, tightest
}

// hasVerdicts reports whether any policy was decided on.
func (e *evaluation) hasVerdicts() bool { return !e.undecided && len(e.applied) > 0 }

func (e *evaluation) appendPolicies(text []byte) []byte {
	for i := range e.applied {
		if p := &e.applied[i]; p.policy.shown() {
			text = appendComma(text, 0)
			text = appendPolicyItem(text, p.policy.quoted, p.quota, p.partition)
		}
	}
	return text
}

// appendStates also returns the verdict with the fewest units left of those that
// it appends. If there is none, its Remaining is negative.
func (e *evaluation) appendStates(text []byte) ([]byte, Verdict) {
	start, tightest := len(text), Verdict{Remaining: -1}
	for i := range e.applied {
		p := &e.applied[i]
		if !p.policy.shown() || !e.allowed && !e.violates(i) {
			continue
		}
		v := e.verdict(i)
		text = appendComma(text, start)
		text = appendStateItem(text, p.policy.quoted, v.Remaining, v.Window, p.partition)
		if tightest.Remaining < 0 || v.Remaining < tightest.Remaining {
			tightest = v
		}
	}
	return text, tightest
}

// appendComma appends a comma unless the list, which begins at start, is empty.
func appendComma(text []byte, start int) []byte {
	if len(text) > start {
		text = append(text, ',')
	}
	return text
}

// addField adds a value unless it is empty. Several field lines are one list
// (RFC 9110, section 5.3), so those of another limiter stay.
func addField(h http.Header, field string, value []string) {
	if value[0] == "" {
		return
	}
	if have := h[field]; len(have) > 0 {
		value = append(have[:len(have):len(have)], value[0])
	}
	h[field] = value
}

// setField makes a value the only one, or deletes the field if the value is empty.
func setField(h http.Header, field string, value []string) {
	if value[0] == "" {
		delete(h, field)
		return
	}
	h[field] = value
}

// setLegacy sets the fields that are older than the draft, unless an outer limiter
// has fewer units left.
func (e *evaluation) setLegacy(h http.Header, v Verdict) {
	if have, err := strconv.Atoi(h.Get("X-Ratelimit-Remaining")); err == nil && have < v.Remaining {
		return
	}
	reset := v.Window
	if !e.allowed {
		reset = e.wait
	}
	if reset == Never {
		reset = 0
	}
	h.Set("X-Ratelimit-Limit", strconv.Itoa(v.Quota.Capacity()))
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(v.Remaining))
	h.Set("X-Ratelimit-Reset", strconv.FormatInt(time.Now().Unix()+seconds(reset), 10))
}

// removeValue removes one value of a field.
func removeValue(h http.Header, field, value string) {
	var left []string
	for _, v := range h[field] {
		if v != value {
			left = append(left, v)
		}
	}
	if left == nil {
		delete(h, field)
		return
	}
	h[field] = left
}
