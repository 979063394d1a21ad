package clientip

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// A Field is a header field to which each proxy appends the address that sent it
// the request. A source reads only one of them, even if both are present: the
// proxies write one, and the client may have written the other.
type Field string

const (
	// XForwardedFor is a list of addresses. It is what nearly every proxy
	// writes, and what [Forwarded] reads.
	XForwardedFor Field = "X-Forwarded-For"

	// RFC7239 is the Forwarded field of that RFC. Its parameter "for" is read.
	RFC7239 Field = "Forwarded"
)

// The bounds apply to what is read, from the right, and not to the whole field:
// otherwise a client could hide behind a long one.
const (
	maxItems = 32   // proxies in a row
	maxItem  = 1024 // bytes of one entry; "by" and "host" need some of them
)

// Forwarded returns the [Source] for a server behind proxies that append to
// X-Forwarded-For. It starts at the peer and follows the chain towards the client
// while the addresses are inside trusted. The first address outside is the client.
// What is further left comes from the client or other untrusted parties, and is
// ignored. Several field lines are one list.
//
// A peer outside trusted is itself the client, whatever header fields it sends.
//
// The address is unknown if the header field is absent, if an entry of the trusted
// part is not an address (empty, "unknown", "unix:", obfuscated), if all entries
// are inside trusted, or after 32 entries. An entry may have a port, and IPv6 may
// have brackets.
//
// Every trusted proxy must append to the header field or overwrite it. One that
// passes it on unchanged lets clients choose the result.
//
// Forwarded panics if trusted is empty or contains a prefix that [ParsePrefixes]
// rejects.
func Forwarded(trusted ...netip.Prefix) Source {
	return Proxies{Trusted: trusted}.Forwarded(XForwardedFor)
}

// Forwarded is [Forwarded] with the settings p and for either [Field].
//
// For [RFC7239] it follows the grammar in section 4 of that RFC. The address is
// unknown if an element of the trusted part breaks it. The usual mistake is an IPv6
// address without quotation marks, for=[2001:db8::1]: that is not a token, and it
// is ambiguous where such a value ends. All IPv6 clients of that proxy are then
// unknown: they share the bucket "unknown" of ratelimit.ByIP, and [SelfCheck]
// reports an [UnusableField]. The proxy must write for="[2001:db8::1]".
//
// With p.Hops the address is unknown if there are fewer entries than that.
//
// Forwarded panics if field is neither of the two, if p trusts no peer, or if p.Hops
// is negative or above 32.
func (p Proxies) Forwarded(field Field) Source {
	c := chain{trust: p.trust(), key: http.CanonicalHeaderKey(string(field)), hops: p.Hops}
	switch Field(c.key) {
	case XForwardedFor:
	case RFC7239:
		c.standard = true
	default:
		panic(fmt.Sprintf("clientip: field %q is neither %q nor %q", string(field), XForwardedFor, RFC7239))
	}
	if p.Hops < 0 || p.Hops > maxItems {
		panic(fmt.Sprintf("clientip: Hops = %d: 0 to %d is required", p.Hops, maxItems))
	}
	return c.client
}

// chain is the configuration behind the source of Forwarded.
type chain struct {
	*trust
	key      string
	standard bool // RFC 7239
	hops     int
}

func (c chain) client(r *http.Request) netip.Addr {
	peer, trusted := c.peer(r)
	if !trusted {
		return peer
	}
	it := items{lines: r.Header[c.key], quotes: c.standard}
	for n := 1; n <= maxItems; n++ {
		item, ok := it.next()
		if ok && c.standard {
			item, ok = forParam(item)
		}
		if !ok || item == "" {
			// RFC 9110, section 5.6.1.2 would skip an empty entry. Here it comes
			// from a proxy that did not know its peer, and the next entry is forged.
			return netip.Addr{}
		}
		if n < c.hops {
			continue // if they are counted, a proxy may be obfuscated
		}
		addr := c.node(item)
		if n == c.hops || !c.contains(addr) {
			return addr // or the zero Addr, which no prefix contains
		}
	}
	return netip.Addr{}
}

// node parses one entry of the chain. It returns the zero Addr if that is not an
// address.
func (c chain) node(s string) netip.Addr {
	if !c.standard {
		return plainAddr(s)
	}
	host, port, bracketed, ok := splitNode(s)
	if !ok || port != "" && !isPort(port) && !isObfuscated(port) {
		return netip.Addr{}
	}
	if !bracketed && strings.IndexByte(host, ':') >= 0 { // IPv6 without brackets
		return netip.Addr{}
	}
	return parseAddr(host, bracketed)
}

// items iterates over a list field from its end, so that the result depends on the
// proxies alone: for a reader that starts at the left, a quotation mark that a
// client leaves open would hide all that follows. Reading backwards is unambiguous,
// because in a well-formed element an opening quotation mark follows "=" and an
// inner one follows an odd number of backslashes.
type items struct {
	lines  []string // field lines not yet begun
	line   string   // what is left of the current one
	more   bool     // line holds another entry, perhaps an empty one
	quotes bool     // commas inside quotation marks do not separate
}

// next returns the entry before the last one returned, without surrounding
// whitespace. It reports false at the beginning of the list, and where an
// entry is too long or has a quotation mark without its partner.
func (it *items) next() (item string, ok bool) {
	if !it.more {
		last := len(it.lines) - 1
		if last < 0 {
			return "", false
		}
		it.line, it.lines = it.lines[last], it.lines[:last]
	}
	start, ok := it.lastItem()
	if !ok {
		return "", false
	}
	item = trimOWS(it.line[start:])
	if it.more = start > 0; it.more {
		it.line = it.line[:start-1]
	}
	return item, true
}

// lastItem returns where the last entry of the line begins.
func (it *items) lastItem() (start int, ok bool) {
	floor := max(0, len(it.line)-maxItem-1)
	for i := len(it.line) - 1; i >= floor; i-- {
		switch it.line[i] {
		case ',':
			return i + 1, true
		case '"':
			if !it.quotes {
				continue
			}
			if i = openingQuote(it.line, floor, i); i < 0 {
				return 0, false
			}
		}
	}
	return 0, len(it.line) <= maxItem
}

// openingQuote returns the index of the partner of the closing quotation mark
// at line[end], or -1 if there is none at or after floor.
func openingQuote(line string, floor, end int) int {
	for i := end - 1; i >= floor; i-- {
		if line[i] != '"' {
			continue
		}
		first := i
		for first > floor && line[first-1] == '\\' {
			first--
		}
		if (i-first)%2 == 0 {
			return i
		}
	}
	return -1
}
