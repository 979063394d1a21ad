package ratelimit

import (
	"fmt"
	"net/http"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
	"github.com/rejoinder-go/rejoinder/respond"
	"golang.org/x/time/rate"
)

// Policy limits how many units each key may use in a time. Quota and Key are
// required.
//
// Its functions must be safe for concurrent use. What they read from a request
// comes from the client, unless it was checked before.
type Policy struct {
	// Name identifies the policy in the RateLimit fields and in the problem of
	// a refusal. It is printable ASCII and must be unique in its limiter; it
	// should be unique also among limiters around each other. Empty means
	// "default".
	//
	// Limiters that share a Store share the buckets of policies with the same
	// name.
	Name string

	// Quota is granted to each key.
	Quota Quota

	// Limiter, in place of Quota and Key, limits all requests together, and
	// may be shared with other code, such as what calls an upstream. It
	// decides last, so that a request that another policy refuses takes
	// nothing from it. Its limit and burst may change at any time.
	Limiter *rate.Limiter

	// Key returns the key of the bucket that a request is charged to: use
	// [ByIP], [Everyone], or a function that returns the user or the API key.
	// An empty key exempts the request from this policy, so a client must not
	// be able to choose it. Keys may contain any bytes; long ones are hashed.
	Key func(*http.Request) string

	// QuotaFor returns the quota for a request, such as by plan or tenant.
	// The zero Quota means that of the policy, [Unlimited] means no limit, and
	// an invalid quota, such as PerMinute(0), grants nothing. A client whose
	// quota changes starts with a full bucket. Nil means Quota for all.
	QuotaFor func(*http.Request) Quota

	// Cost returns the number of units that a request takes; 0 or less takes
	// none. Nil means 1. If the cost is known only later, [Spend] charges the
	// policies that have a Cost.
	Cost func(*http.Request) int

	// CountStatus reports whether a request counts, given the status of its
	// response: only 401 for a limit on failed logins, for example. Every
	// request is charged when it arrives, so that many at once cannot exceed
	// the limit, and is refunded afterwards if it does not count. A handler
	// that panics before it responds counts as 500, a hijacked connection as
	// 101. CountStatus is not called if the policy has charged nothing. Nil
	// means that all count.
	CountStatus func(status int) bool

	// Problem is the problem type of a refusal, with a status from 400 to 599,
	// such as problem.QuotaExceeded of the draft on RateLimit fields. Nil
	// means 429 Too Many Requests, or 503 Service Unavailable for the key
	// [Everyone], since that is not the client's fault. If several policies
	// refuse, that of the first is sent.
	//
	// A request that costs more than a full bucket holds, or whose quota grants
	// nothing, gets a 403 without Retry-After whatever Problem is, so that the
	// client does not repeat it.
	Problem *problem.Type

	// Shadow makes the policy report what it would refuse, and refuse nothing.
	// It does not affect other policies, and clients do not see it.
	Shadow bool

	// Hidden keeps the policy out of all that clients read, except
	// Retry-After.
	Hidden bool
}

// checkedPolicy is a valid policy, with what is made once for all requests.
type checkedPolicy struct {
	Policy
	quoted string // its name as a Structured Fields string
	item   string // its item of RateLimit-Policy, unless QuotaFor returns another quota

	refusals [reasons]refusal // by this policy alone
}

// reason is why a policy refuses a request.
type reason uint8

const (
	exceeded  reason = iota // the client used up its quota
	congested               // all clients together used up that of Everyone
	never                   // no waiting helps
	reasons
)

// refusal is a problem, and a function that sends it.
type refusal struct {
	problem *problem.Details
	send    func(http.ResponseWriter, *http.Request)
}

func newRefusal(d *problem.Details) refusal { return refusal{d, respond.Prepare(d).ServeHTTP} }

// publicNames returns the name of the policy, if clients may read it.
func (p *checkedPolicy) publicNames() []string {
	if p.Hidden {
		return []string{}
	}
	return []string{p.Name}
}

// shown reports whether clients may know of the policy.
func (p *checkedPolicy) shown() bool { return !p.Shadow && !p.Hidden }

// neverDetail addresses client developers, who may not see the quota otherwise.
const neverDetail = "The request costs more than the client may ever use at once. Waiting does not help: make the request smaller, or obtain a larger quota."

// refuse returns the problem of a refusal that names all violated policies.
func (p *checkedPolicy) refuse(why reason, names []string) *problem.Details {
	violated := problem.Extension("violated-policies", names)
	switch {
	case why == never:
		return problem.New(http.StatusForbidden, problem.Detail(neverDetail), violated)
	case p.Problem != nil:
		return p.Problem.New(problem.Detail(status.Nearest(p.Problem.Status).Description), violated)
	case why == congested:
		return problem.New(http.StatusServiceUnavailable, violated)
	}
	return problem.New(http.StatusTooManyRequests, violated)
}

// checkPolicies panics if the policies are invalid.
func checkPolicies(policies []Policy) []checkedPolicy {
	if len(policies) == 0 {
		panic("ratelimit: no policies")
	}
	checked := make([]checkedPolicy, len(policies))
	names := make(map[string]bool)
	for i, p := range policies {
		checked[i] = p.check()
		if name := checked[i].Name; names[name] {
			panic(fmt.Sprintf("ratelimit: two policies have the name %q", name))
		} else {
			names[name] = true
		}
	}
	return checked
}

// check panics if p is invalid.
func (p Policy) check() checkedPolicy {
	if p.Name == "" {
		p.Name = "default"
	}
	bad := func(format string, args ...any) {
		panic(fmt.Sprintf("ratelimit: policy %q: ", p.Name) + fmt.Sprintf(format, args...))
	}
	quoted, err := quote(p.Name)
	if err != nil {
		bad("%v", err)
	}
	if p.Limiter != nil {
		if p.Key != nil || p.QuotaFor != nil || p.Quota != (Quota{}) {
			bad("Limiter replaces Quota, QuotaFor and Key: one is set beside it")
		}
		p.Key, p.Quota = Everyone, Quota{N: 1, Per: 1}
	}
	if p.Key == nil {
		bad("Key is required: use ratelimit.ByIP(clientip.Direct) or another source of package clientip for one bucket per client address, " +
			"ratelimit.Everyone for one that all share, or a function that returns the user of the request")
	}
	if err := p.Quota.check(); err != nil {
		bad("%v", err)
	}
	if p.Problem != nil && (p.Problem.Status < 400 || p.Problem.Status > 599) {
		bad("Problem has the status %d: 400 to 599 is required", p.Problem.Status)
	}
	p.Quota = p.Quota.full()
	c := checkedPolicy{Policy: p, quoted: quoted}
	c.item = string(appendPolicyItem(nil, quoted, p.Quota, ""))
	for why := range reasons {
		c.refusals[why] = newRefusal(c.refuse(why, c.publicNames()))
	}
	return c
}
