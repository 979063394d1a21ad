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
// which has expired and may still change: this file is the only place that
// spells them, for limits of rate and of concurrency.
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

// concurrent is the quota unit of a limit of concurrency: a string, quoted.
const concurrent = `"concurrent-requests"`

// HeaderNames returns the names of the header fields that the limiters of this
// package set, for a CORS layer to expose: a script in a browser can read no
// others of another origin (Access-Control-Expose-Headers). Each call returns
// a new slice.
func HeaderNames() []string {
	return []string{"Retry-After", "RateLimit", "RateLimit-Policy", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
}

// appendConcurrency appends the policy of a limit of concurrency.
func appendConcurrency(dst []byte, quoted string, n int) []byte {
	dst = append(dst, quoted...)
	dst = append(dst, quotaParam...)
	dst = appendInteger(dst, n)
	dst = append(dst, unitParam...)
	return append(dst, concurrent...)
}

// appendRoom appends how many more requests there can be at once. There is no
// time in which they would last.
func appendRoom(dst []byte, quoted string, n int) []byte {
	dst = append(dst, quoted...)
	dst = append(dst, availableParam...)
	return appendInteger(dst, n)
}

// maxInteger is the largest integer of RFC 9651, section 3.3.1.
const maxInteger int64 = 999_999_999_999_999

// appendPolicyItem appends what a policy grants. The quota on the wire is the
// bucket's capacity, and the window the time in which an empty one fills: N
// per Per, unless Burst is another number.
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

// appendStateItem appends what is available, and the number of seconds within
// which it will last. No item promises a faster pace than the policy's rate.
// Where waiting does not help there is no time to tell.
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

func appendInteger(dst []byte, n int) []byte {
	return strconv.AppendInt(dst, min(max(int64(n), 0), maxInteger), 10)
}

// seconds rounds up, since a client that comes sooner comes in vain, and is at
// least 1, since in 0 seconds nothing comes back.
func seconds(d time.Duration) int {
	return max(1, int(d/time.Second)+btoi(d%time.Second > 0))
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// quote makes a string of RFC 9651, section 3.3.3, which is what names are.
func quote(name string) (string, error) {
	q := make([]byte, 0, len(name)+2)
	q = append(q, '"')
	for i := range len(name) {
		c := name[i]
		if c < 0x20 || c > 0x7e {
			return "", errors.New("a name has to be printable ASCII")
		}
		if c == '"' || c == '\\' {
			q = append(q, '\\')
		}
		q = append(q, c)
	}
	return string(append(q, '"')), nil
}

// partitionKey tells a client which of its requests share a bucket, without
// telling anybody whose it is: the start of a keyed hash, in the base64 of a
// byte sequence (RFC 9651, section 3.3.5). Nine bytes need no padding.
func partitionKey(secret []byte, key string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(key))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)[:9])
}

// setFields tells in h what is granted and what is left; a refusal tells that
// of the violated policies alone, so that nothing but Retry-After sets the
// time to come back (section 6 of the draft). If it allows the request and a
// policy has nothing left, it returns the value of RateLimit.
//
// All values are parts of one string, in one array. Each slice is cut to its
// own capacity, so that appending to one copies it.
func (a *attempt) setFields(h http.Header) (exhausted string) {
	known := !a.undecided && len(a.parts) > 0
	if !known && a.allowed {
		return ""
	}
	text, granted, tightest := a.text[:0], 0, Verdict{Remaining: -1}
	fixed := known && a.limiter.fixed != "" && len(a.parts) == len(a.limiter.rules)
	if known {
		if !fixed {
			text = a.appendPolicies(text)
		}
		granted = len(text)
		text, tightest = a.appendStates(text)
	}
	left := len(text)
	if !a.allowed && a.wait != Never {
		text = appendInteger(text, seconds(a.wait))
	}
	a.text = text
	all := string(text)
	values := []string{all[:granted], all[granted:left], all[left:]}
	if fixed {
		values[0] = a.limiter.fixed
	}
	if a.limiter.fields == NoFields {
		values[0], values[1] = "", ""
	}
	addField(h, policyField, values[0:1:1])
	if a.allowed {
		addField(h, stateField, values[1:2:2])
	} else {
		setField(h, stateField, values[1:2:2]) // an outer limiter's time is none to come back at
		setField(h, "Retry-After", values[2:3:3])
	}
	if a.limiter.legacy && tightest.Remaining >= 0 {
		a.setLegacy(h, tightest)
	}
	if a.allowed && tightest.Remaining == 0 {
		return values[1]
	}
	return ""
}

func (a *attempt) appendPolicies(text []byte) []byte {
	for i := range a.parts {
		if p := &a.parts[i]; p.rule.shown() {
			text = appendComma(text, 0)
			text = appendPolicyItem(text, p.rule.quoted, p.quota, p.partition)
		}
	}
	return text
}

// appendStates returns also the verdict with the fewest units left, of those
// that it appends. Without any, its Remaining is negative.
func (a *attempt) appendStates(text []byte) ([]byte, Verdict) {
	start, tightest := len(text), Verdict{Remaining: -1}
	for i := range a.parts {
		p := &a.parts[i]
		if !p.rule.shown() || !a.allowed && !a.violates(i) {
			continue
		}
		v := a.verdict(i)
		text = appendComma(text, start)
		text = appendStateItem(text, p.rule.quoted, v.Remaining, v.Window, p.partition)
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

// addField adds a value, unless it is empty. Several lines are one list
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

// setField makes a value the only one, or deletes the field if it is empty.
func setField(h http.Header, field string, value []string) {
	if value[0] == "" {
		delete(h, field)
		return
	}
	h[field] = value
}

// setLegacy sets the fields that came before the draft, unless those of an
// outer limiter have less left.
func (a *attempt) setLegacy(h http.Header, v Verdict) {
	if have, err := strconv.Atoi(h.Get("X-Ratelimit-Remaining")); err == nil && have < v.Remaining {
		return
	}
	reset := v.Window
	if !a.allowed {
		reset = a.wait
	}
	if reset == Never {
		reset = 0
	}
	h.Set("X-Ratelimit-Limit", strconv.Itoa(v.Quota.Capacity()))
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(v.Remaining))
	h.Set("X-Ratelimit-Reset", strconv.FormatInt(time.Now().Unix()+int64(seconds(reset)), 10))
}

// dropField removes one value of a field.
func dropField(h http.Header, field, value string) {
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
