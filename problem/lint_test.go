package problem_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rejoinder-go/rejoinder/problem"
)

func TestLintReportsWhatIsAgainstTheAdvice(t *testing.T) {
	for _, tt := range []struct {
		why, want string
		d         *problem.Details
	}{
		{"RFC 9457, 3.1.2", "99 is not a status code", problem.New(99)},
		{"RFC 9457, 3.1.1", `type "a b" is not a URI reference`, &problem.Details{Type: "a b", Title: "t", Status: 400}},
		{"RFC 9457, 3.1.1", `type "probs/a" should be absolute`, &problem.Details{Type: "probs/a", Title: "t", Status: 400}},
		{"RFC 9457, 3.1.5", `instance "17" should be absolute`, problem.New(400, problem.Instance("17"))},
		{"RFC 9457, 3.1.5", `instance "/a b" is not a URI reference`, problem.New(400, problem.Instance("/a b"))},
		{"RFC 9457, 4.2", "is not in the registry of IANA", &problem.Details{Type: "https://iana.org/assignments/http-problem-types#mine", Title: "t", Status: 400}},
		{"RFC 9457, 4", "title is empty", &problem.Details{Type: "https://example.com/p", Status: 400}},
		{"RFC 9457, 4.2.1", `title "Validation Error" is not "Bad Request"`, problem.New(400, problem.Title("Validation Error"))},
		{"RFC 9457, 4: it begins with a letter", `extension name "_ab"`, problem.New(400, problem.Extension("_ab", 1))},
		{"RFC 9457, 4: three characters", `extension name "ab"`, problem.New(400, problem.Extension("ab", 1))},
		{"RFC 9457, 4: no other characters", `extension name "violated-policies"`, problem.New(400, problem.Extension("violated-policies", 1))},
		{"RFC 9457, 4: nor a foreign letter", `extension name "größe"`, problem.New(400, problem.Extension("größe", 1))},
		{"RFC 9457, 3.2", `extension "status"`, problem.New(400, problem.Extension("status", 1))},
		{"a value that cannot be encoded", `extension "bad"`, problem.New(400, problem.Extension("bad", func() {}))},
		{"RFC 9110, 15.5.2", "status 401 requires the header field WWW-Authenticate", problem.New(401)},
		{"RFC 9110, 15.5.6", "status 405 requires the header field Allow", problem.New(405)},
		{"RFC 9110, 15.5.8", "status 407 requires the header field Proxy-Authenticate", problem.New(407)},
		{"RFC 9110, 15.5.22", "status 426 requires the header field Upgrade", problem.New(426)},
	} {
		assert.ErrorContains(t, tt.d.Lint(), tt.want, tt.why)
	}
}

func TestLintAcceptsAGoodProblem(t *testing.T) {
	for _, d := range []*problem.Details{
		problem.New(404),
		problem.New(404, problem.Extension("abc", 1), problem.Extension("Abc_9", 1), problem.Instance("/orders/17")),
		problem.New(400, problem.Instance("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6")),
		problem.QuotaExceeded.New(),
		{Type: "/types/123", Title: "t", Status: 400},
	} {
		assert.NoError(t, d.Lint())
	}
}

func TestLintFindingsAreSentAllTheSame(t *testing.T) {
	got := write(t, problem.QuotaExceeded.New(problem.Extension("violated-policies", []string{"daily"}), problem.Extension("a", 1)))
	assert.Contains(t, got, `"a":1,"violated-policies":["daily"]`)
}
