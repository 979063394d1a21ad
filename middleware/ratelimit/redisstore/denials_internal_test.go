package redisstore

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/stretchr/testify/assert"
)

// The order of replies matters, so the times are passed in.

var hour = ratelimit.PerHour(1)

func bucket(policy, key string, q ratelimit.Quota, cost int) ratelimit.Bucket {
	return ratelimit.Bucket{Policy: policy, Key: key, Quota: q, Cost: cost}
}

func denied(d *denials, sent, received time.Duration) {
	b := bucket("p", "k", hour, 1)
	b.Debt, b.Short = time.Hour, true
	d.note([]key{{name: "k"}}, []ratelimit.Bucket{b}, sent, received)
}

func returned(d *denials, sent, received time.Duration) {
	b := ratelimit.Bucket{Policy: "p", Key: "k", Quota: hour, Cost: -1, Mode: ratelimit.Force}
	b.Debt = time.Minute // which is still too much, but more may be on its way back
	d.note([]key{{name: "k"}}, []ratelimit.Bucket{b}, sent, received)
}

func remembered(d *denials, now time.Duration) bool {
	return d.decide([]key{{name: "k"}}, []ratelimit.Bucket{bucket("p", "k", hour, 1)}, now)
}

func TestDenialsAreTrustedForASecond(t *testing.T) {
	var d denials
	assert.False(t, remembered(&d, 0))
	denied(&d, 0, 10)
	assert.True(t, remembered(&d, 10))
	assert.True(t, remembered(&d, 10+trusted))
	assert.False(t, remembered(&d, 11+trusted), "units may have come back through another replica")
}

func TestDenialFromBeforeARefundIsNotRemembered(t *testing.T) {
	for _, row := range []struct {
		sent, received time.Duration // of the denial; the units came back from 10 to 20
		want           bool
		why            string
	}{
		{0, 5, false, "it came first, and is forgotten"},
		{0, 30, false, "Redis may have decided before"},
		{15, 30, false, "Redis may have decided before, still"},
		{20, 30, true, "it was sent afterwards"},
	} {
		var d denials
		if row.received <= 10 {
			denied(&d, row.sent, row.received)
		}
		returned(&d, 10, 20)
		if row.received > 10 {
			denied(&d, row.sent, row.received)
		}
		assert.Equal(t, row.want, remembered(&d, 30), row.why)
	}
}

func TestDenialCountsFromTheRequest(t *testing.T) {
	short := ratelimit.PerSecond(2) // a unit comes back in half a second
	b := bucket("p", "k", short, 1)
	b.Debt, b.Short = time.Second, true
	var d denials
	keys := []key{{name: "k"}}
	d.note(keys, []ratelimit.Bucket{b}, 0, 100*time.Millisecond)
	got := []ratelimit.Bucket{bucket("p", "k", short, 1)}
	assert.True(t, d.decide(keys, got, 499*time.Millisecond))
	assert.Equal(t, 601*time.Millisecond, got[0].Debt, "the latest that the reply can mean, so that no client comes back too early")
	assert.False(t, d.decide(keys, got, 500*time.Millisecond), "it may hold a unit by now")
}

func TestDenialsAreBounded(t *testing.T) {
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	var d denials
	for i := range 10 * maxDenials {
		b := bucket("p", "k", hour, 1)
		b.Short = true
		at := time.Duration(i)
		d.note([]key{{name: fmt.Sprintf("ratelimit:{N_z_JL9iA1srCAIK_Ai0_g}:100/1m0s:%d", i)}}, []ratelimit.Bucket{b}, at, at)
	}
	assert.Len(t, d.young, maxDenials)
	assert.Len(t, d.old, maxDenials)
	assert.Less(t, heap()-before, int64(4<<20))
	t.Logf("%d bytes for %d", heap()-before, 2*maxDenials)
	runtime.KeepAlive(&d)
}
