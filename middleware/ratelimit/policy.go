package ratelimit

import (
	"fmt"
	"net/http"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
	"github.com/rejoinder-go/rejoinder/respond"
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

	// Key says whose bucket a request is charged to: [ByIP], [Everyone], or a
	// function of one's own, for a user or an API key. An empty key exempts
	// the request from this policy, so a function must not let a client
	// choose it. Keys may hold any bytes; long ones are hashed.
	Key func(*http.Request) string

	// Vary grants a quota of its own to some requests, by plan or tenant. Its
	// zero answer means Quota, [Unlimited] means no bound, and a quota that
	// is not valid, such as PerMinute(0), grants nothing. A client whose
	// quota changes starts with a full bucket. Nil means Quota for all.
	Vary func(*http.Request) Quota

	// Cost is the number of units a request takes; 0 or less takes none. Nil
	// means 1. [Spend] charges the policies that have a Cost, once more is
	// known.
	Cost func(*http.Request) int

	// Count says by the status of the answer whether a request counts, such
	// as only 401 for a limit on failed logins. Every request is charged
	// when it arrives, so that many at once cannot slip through, and gets its
	// units back afterwards if it does not count. A handler that panics
	// before it answers counts as 500, a hijacked connection as 101. Nil
	// means that all count.
	Count func(status int) bool

	// Problem is the kind of problem that a refusal is, with a status of 400
	// or more. Nil means problem.QuotaExceeded, and
	// problem.TemporaryReducedCapacity for the key of [Everyone]. If several
	// policies refuse, the first one's counts.
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
	item   string // its item of RateLimit-Policy, unless Vary gives another

	// What answers a refusal by this rule alone: usually, and for the key of
	// Everyone.
	refusal, congestion refusal
}

// refusal is a problem, and what answers with it.
type refusal struct {
	problem *problem.Details
	send    func(http.ResponseWriter, *http.Request)
}

func prepare(d *problem.Details) refusal { return refusal{d, respond.Prepare(d)} }

// publicNames is the name of the rule, if clients may read it in a refusal.
func (p *rule) publicNames() []string {
	if p.Hidden {
		return []string{}
	}
	return []string{p.Name}
}

// shown reports whether clients may know of the rule.
func (p *rule) shown() bool { return !p.Shadow && !p.Hidden }

// refuse is the problem of a refusal that names all violated policies.
func (p *rule) refuse(key string, names []string) *problem.Details {
	kind := problem.QuotaExceeded
	switch {
	case p.Problem != nil:
		kind = p.Problem
	case key == everyone:
		kind = problem.TemporaryReducedCapacity
	}
	return kind.New(problem.Detail(status.Nearest(kind.Status).Description), problem.Extension("violated-policies", names))
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
		r.refusal = prepare(r.refuse("", r.publicNames()))
		r.congestion = prepare(r.refuse(everyone, r.publicNames()))
		rules[i] = r
	}
	return rules
}
