// Package redisscript has the script by which Redis decides buckets, and its keys and
// arguments. The stores share it, so that one service may use several clients of
// Redis. It does not connect to Redis.
package redisscript

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

// Text is the script.
//
//go:embed take.lua
var Text string

// DefaultPrefix is the prefix of each key in Redis.
const DefaultPrefix = "ratelimit:"

// Name is the name of a bucket in Redis.
type Name struct {
	Full string
	Slot string // the part that Redis chooses the slot by
}

// NameOf returns the name of b. A hash in place of the bucket's key bounds the length,
// has no braces that would determine the slot, and keeps API keys out of Redis' logs
// and dumps. The name of the policy comes last, so that nothing in it can make two
// names equal. The prefix must not contain braces.
func NameOf(prefix string, b ratelimit.Bucket) Name {
	sum := sha256.Sum256([]byte(b.Key))
	var slot [22]byte
	base64.RawURLEncoding.Encode(slot[:], sum[:16])

	name := make([]byte, 0, 128)
	name = append(name, prefix...)
	name = append(name, '{')
	from := len(name)
	name = append(name, slot[:]...)
	name = append(name, '}', ':')
	name = strconv.AppendInt(name, int64(b.Quota.N), 10)
	name = append(name, '/')
	name = append(name, b.Quota.Per.String()...)
	if c := b.Quota.Capacity(); c != b.Quota.N {
		name = append(name, '/')
		name = strconv.AppendInt(name, int64(c), 10)
	}
	name = append(name, ':')
	name = append(name, b.Policy...)
	text := string(name)
	return Name{text, text[from : from+len(slot)]}
}

// Args returns the arguments of the script for b, in decimal.
func Args(b ratelimit.Bucket) [4]string {
	unit := float64(b.Quota.Per) / float64(b.Quota.N)
	return [4]string{
		strconv.Itoa(b.Cost), strconv.Itoa(b.Quota.Capacity()),
		strconv.FormatFloat(unit, 'g', -1, 64), strconv.Itoa(int(b.Mode)),
	}
}

// Read copies to b what the script returned for the bucket number i.
func Read(reply []int64, i int, b *ratelimit.Bucket) {
	b.Debt = time.Duration(reply[2*i])
	b.Short = reply[2*i+1] == 1
}
