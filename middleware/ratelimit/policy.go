package ratelimit

import (
	"fmt"
	"net/http"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
	"github.com/rejoinder-go/rejoinder/respond"
	"golang.org/x/time/rate"
)

// Policy is one bound: so much, for whom. Quota and Key are required.
//
// Its functions are called by many goroutines at once. What they read from a
// request is the client's word, unless it was checked before.
type Policy struct {
	// Name is what clients read in the RateLimit fields and in the problem
	// of a refusal: printable ASCII, unique in its limiter, and best also
	// among limiters around each other. Empty means "default".
	//
	// Limiters that share a Store share the buckets of policies with the
	// same name.
	Name string

	// Quota is what each key is granted.
	Quota Quota

	// Limiter, in place of Quota and Key, is a limiter of the caller's for all
	// requests together, such as one that bounds what else the process does.
	// It is asked last, so that nothing is taken from it for a request that
	// another policy refuses; its limit may change at any time.
	Limiter *rate.Limiter

	// Key returns whose bucket a request is charged to: [ByIP], [Everyone], or
	// a function of one's own, for a user or an API key. An empty key exempts
	// the request from this policy, so a function must not let a client
	// choose it. Keys may hold any bytes; long ones are hashed.
	Key func(*http.Request) string

	// QuotaFor grants a quota of its own to some requests, by plan or tenant.
	// The zero Quota means the policy's, [Unlimited] means no bound, and a
	// quota that is not valid, such as PerMinute(0), grants nothing. A client
	// whose quota changes starts with a full bucket. Nil means Quota for all.
	QuotaFor func(*http.Request) Quota

	// Cost is the number of units a request takes; 0 or less takes none. Nil
	// means 1. [Spend] charges the policies that have a Cost, once more is
	// known.
	Cost func(*http.Request) int

	// CountStatus reports by the status of the response whether a request
	// counts, such as only 401 for a limit on failed logins. Every request is
	// charged when it arrives, so that many at once cannot slip through, and
	// gets its units back afterwards if it does not count. A handler that
	// panics before it responds counts as 500, a hijacked connection as 101.
	// Nil means that all count.
	CountStatus func(status int) bool

	// Problem is the type of problem of a refusal, with a status of 400 or
	// more, such as problem.QuotaExceeded of the draft on RateLimit fields. Nil
	// means the documented 429 Too Many Requests, and 503 Service Unavailable
	// for the key of [Everyone], which is not the client's fault. If several
	// policies refuse, the first one's counts.
	//
	// A request that can never succeed gets 403 whatever this is, and no
	// Retry-After, so that its client does not repeat it: one that costs more
	// than a full bucket holds, or has a quota of nothing.
	Problem *problem.Type

	// Shadow lets the policy report what it would refuse, and refuse
	// nothing. It has no influence on other policies, and clients do not
	// see it.
	Shadow bool

	// Hidden keeps the policy out of what clients are told, other than
	// Retry-After.
	Hidden bool
}

// rule is a policy that has been checked, with what can be prepared once.
type rule struct {
	Policy
	quoted string // its name as a Structured Fields string
	item   string // its item of RateLimit-Policy, unless QuotaFor gives another

	refusals [reasons]refusal // by this rule alone
}

// reason is why a rule refuses a request.
type reason uint8

const (
	exceeded  reason = iota // the client used up its quota
	congested               // all clients together used up that of Everyone
	never                   // no waiting helps
	reasons
)

// refusal is a problem, and what sends it.
type refusal struct {
	problem *problem.Details
	send    func(http.ResponseWriter, *http.Request)
}

func prepare(d *problem.Details) refusal { return refusal{d, respond.Prepare(d).ServeHTTP} }

// publicNames is the name of the rule, if clients may read it in a refusal.
func (p *rule) publicNames() []string {
	if p.Hidden {
		return []string{}
	}
	return []string{p.Name}
}

// shown reports whether clients may know of the rule.
func (p *rule) shown() bool { return !p.Shadow && !p.Hidden }

// neverDetail is for a client developer, who cannot see the quota otherwise.
const neverDetail = "The request costs more than the client may ever use at once. Waiting does not help: make the request smaller, or ask for a larger quota."

// refuse is the problem of a refusal that names all violated policies.
func (p *rule) refuse(why reason, names []string) *problem.Details {
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

// compile checks policies. It panics if they cannot work.
func compile(policies []Policy) []rule {
	if len(policies) == 0 {
		panic("ratelimit: no policies")
	}
	rules := make([]rule, len(policies))
	names := make(map[string]bool)
	for i, p := range policies {
		if p.Name == "" {
			p.Name = "default"
		}
		quoted, err := quote(p.Name)
		if err != nil {
			panic(fmt.Sprintf("ratelimit: policy %q: %v", p.Name, err))
		}
		if names[p.Name] {
			panic(fmt.Sprintf("ratelimit: two policies have the name %q", p.Name))
		}
		names[p.Name] = true
		if p.Limiter != nil {
			if p.Key != nil || p.QuotaFor != nil || p.Quota != (Quota{}) {
				panic(fmt.Sprintf("ratelimit: policy %q has a Limiter, which stands in for Quota, QuotaFor and Key", p.Name))
			}
			p.Key, p.Quota = Everyone, Quota{N: 1, Per: 1}
		}
		if p.Key == nil {
			panic(fmt.Sprintf("ratelimit: policy %q has no Key: choose ratelimit.ByIP(clientip.Direct) or another source of package clientip for one bucket per client address, "+
				"ratelimit.Everyone for one that all share, or a function that returns the user of the request", p.Name))
		}
		if err := p.Quota.check(); err != nil {
			panic(fmt.Sprintf("ratelimit: policy %q: %v", p.Name, err))
		}
		if p.Problem != nil && (p.Problem.Status < 400 || p.Problem.Status > 599) {
			panic(fmt.Sprintf("ratelimit: policy %q: a Problem with status %d refuses nothing", p.Name, p.Problem.Status))
		}
		p.Quota = p.Quota.full()
		r := rule{Policy: p, quoted: quoted}
		r.item = string(appendPolicyItem(nil, quoted, p.Quota, ""))
		for why := range reasons {
			r.refusals[why] = prepare(r.refuse(why, r.publicNames()))
		}
		rules[i] = r
	}
	return rules
}
