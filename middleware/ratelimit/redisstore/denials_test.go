package redisstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit/redisstore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDeniedKeyCostsRedisNothing(t *testing.T) {
	srv := startServer(t)
	s := patient.New(srv.client())
	day, burst := ratelimit.Quota{N: 24, Per: 24 * time.Hour, Burst: 2}, ratelimit.PerSecond(1000)
	takeBoth := func() []ratelimit.Bucket {
		return take(t, s, bucket("day", "abuser", day, 1), bucket("burst", "abuser", burst, 1))
	}
	require.False(t, takeBoth()[0].Short)
	require.False(t, takeBoth()[0].Short)
	begin := time.Now()
	first := takeBoth()
	require.True(t, first[0].Short)
	before := srv.calls()
	for range 1000 {
		again := takeBoth()
		require.True(t, again[0].Short)
		require.InDelta(t, first[0].Debt, again[0].Debt, float64(time.Since(begin)))
		require.LessOrEqual(t, again[0].Debt, first[0].Debt)
		require.False(t, again[1].Short, "only one policy is violated")
	}
	if took := time.Since(begin); took < redisstore.Trusted {
		assert.Equal(t, before, srv.calls())
	} else {
		assert.LessOrEqual(t, srv.calls(), before+int(took/redisstore.Trusted), "one call a second")
	}
	assert.False(t, take(t, s, bucket("day", "another", day, 1))[0].Short)
}

func TestDeniedKeyIsServedWhenItsWaitIsOver(t *testing.T) {
	srv := startServer(t)
	s := patient.New(srv.client())
	q := ratelimit.Quota{N: 20, Per: time.Second, Burst: 1}
	begin := time.Now()
	require.False(t, take(t, s, bucket("p", "k", q, 1))[0].Short)
	charged := time.Now()
	var wait time.Duration
	for b := take(t, s, bucket("p", "k", q, 1))[0]; b.Short; b = take(t, s, b)[0] {
		wait = b.Debt
	}
	assert.GreaterOrEqual(t, time.Since(begin), 50*time.Millisecond, "not earlier")
	assert.Less(t, time.Since(charged), time.Second, "and not much later")
	assert.LessOrEqual(t, wait, 50*time.Millisecond)
}

func TestDenialDoesNotHoldForALowerCost(t *testing.T) {
	srv := startServer(t)
	s := patient.New(srv.client())
	q := ratelimit.PerHour(10)
	take(t, s, bucket("p", "k", q, 7))
	assert.True(t, take(t, s, bucket("p", "k", q, 5))[0].Short)
	assert.False(t, take(t, s, bucket("p", "k", q, 2))[0].Short)
	assert.True(t, take(t, s, bucket("p", "k", q, 5))[0].Short)
	assert.False(t, take(t, s, bucket("p", "k", q, 1))[0].Short)
	assert.True(t, take(t, s, bucket("p", "k", q, 1))[0].Short)
	assert.False(t, take(t, s, bucket("p", "k", q, 0))[0].Short)
	assert.True(t, take(t, s, bucket("p", "k2", q, 11))[0].Short, "more than there can be")
	assert.True(t, take(t, s, bucket("p", "k2", q, 11))[0].Short, "also from memory")
}

func TestDenialIsForgottenWhenUnitsComeBack(t *testing.T) {
	srv := startServer(t)
	s := patient.New(srv.client())
	q := ratelimit.PerHour(10)
	take(t, s, bucket("p", "k", q, 10))
	require.True(t, take(t, s, bucket("p", "k", q, 1))[0].Short)
	take(t, s, ratelimit.Bucket{Policy: "p", Key: "k", Quota: q, Cost: -1, Mode: ratelimit.Force})
	assert.False(t, take(t, s, bucket("p", "k", q, 1))[0].Short)
}

func TestShadowPolicyReportsBesideADenial(t *testing.T) {
	srv := startServer(t)
	s := patient.New(srv.client())
	q := ratelimit.PerHour(1)
	shadow := bucket("shadow", "k", q, 1)
	shadow.Mode = ratelimit.Shadow
	take(t, s, shadow)
	before := srv.calls()
	for range 3 {
		assert.True(t, take(t, s, shadow)[0].Short)
	}
	assert.Equal(t, before+3, srv.calls(), "a shadow reaches Redis")

	other := bucket("p", "k", q, 1)
	assert.True(t, take(t, s, shadow, other)[0].Short)
	before = srv.calls()
	both := take(t, s, shadow, other)
	assert.True(t, both[0].Short && both[1].Short)
	both = take(t, s, shadow, other)
	assert.True(t, both[0].Short && both[1].Short)
	assert.Equal(t, before+1, srv.calls())
	assert.False(t, take(t, s, bucket("second", "k", q, 1), shadow)[0].Short, "a shadow refuses nothing")

	third := bucket("third", "k", q, 1)
	assert.True(t, take(t, s, third, shadow, other)[2].Short)
	assert.NotZero(t, take(t, s, third, shadow)[0].Debt, "known, and not refused by the shadow")
	force := shadow
	force.Mode = ratelimit.Force
	assert.False(t, take(t, s, force, other)[0].Short, "force is never short, even if it is not charged")
	force = other
	force.Mode = ratelimit.Force
	assert.False(t, take(t, s, force)[0].Short, "what has to be charged is charged")
	assert.InDelta(t, 2*time.Hour, take(t, s, other)[0].Debt, float64(time.Minute))
}

var hour = ratelimit.PerHour(1)

func TestRefundsOfOtherReplicasAreNoticed(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	one, two := patient.New(srv.client()), patient.New(srv.client())
	take(t, one, bucket("p", "k", hour, 1))
	require.True(t, take(t, one, bucket("p", "k", hour, 1))[0].Short)
	take(t, two, ratelimit.Bucket{Policy: "p", Key: "k", Quota: hour, Cost: -1, Mode: ratelimit.Force})
	require.Eventually(t, func() bool {
		b := []ratelimit.Bucket{bucket("p", "k", hour, 1)}
		return one.Take(context.Background(), b) == nil && !b[0].Short
	}, redisstore.Trusted+2*time.Second, 20*time.Millisecond)
}
