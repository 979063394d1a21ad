package conformance

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Level is how strongly a specification requires something (RFC 2119).
type Level string

// A service may break a Should for a good reason. A clause with neither word in it
// has the level that fits the harm of breaking it.
const (
	Must   Level = "MUST"
	Should Level = "SHOULD"
)

// Rule is a clause of a specification that a response can break.
type Rule struct {
	ID          string // for Options.Ignore
	RFC         int
	Section     string
	Level       Level
	Requirement string // what is true of a response that keeps the rule
	Fix         string // how to change a handler that breaks it

	check func(*exchange) string // what was seen, or "" if the rule is kept
}

// Clause returns the place of the rule, such as "RFC 9110, section 15.5.6".
func (r Rule) Clause() string { return fmt.Sprintf("RFC %d, %s %s", r.RFC, r.part(), r.Section) }

// Link returns the URL of the section.
func (r Rule) Link() string {
	return fmt.Sprintf("https://www.rfc-editor.org/rfc/rfc%d.html#%s-%s", r.RFC, r.part(), r.Section)
}

func (r Rule) part() string {
	if isDigits(r.Section[:1]) {
		return "section"
	}
	return "appendix"
}

// Rules returns all rules, ordered by subject. The slice is the caller's.
func Rules() []Rule { return slices.Clone(rules) }

var rules = slices.Concat(messageRules, fieldRules, statusRules, compareRules, cacheRules, problemRules)

// Finding is a rule that the response to a request breaks.
type Finding struct {
	Rule      Rule
	Request   string   // method and target, with the header fields of a probe
	Protocols []string // those over which it was found
	Status    int      // of the response; 0 if none could be read
	Observed  string   // what is wrong; printable, and at most some 300 bytes long
}

// String returns three lines: what was found, what the rule requires, and how to fix
// it.
func (f Finding) String() string {
	status := ""
	if f.Status != 0 {
		status = fmt.Sprintf(" -> %d", f.Status)
	}
	return fmt.Sprintf("%s over %s%s: %s\n\t%s, %s (%s): %s\n\tto fix it: %s",
		f.Request, strings.Join(f.Protocols, ", "), status, f.Observed, f.Rule.Clause(), f.Rule.Level, f.Rule.ID, f.Rule.Requirement, f.Rule.Fix)
}

// report collects findings.
type report struct {
	ignore []string
	found  []Finding
}

// add judges an exchange. A fault that a probe or a HEAD shares with the GET before it
// is reported once.
func (r *report) add(x *exchange) {
	for _, rule := range rules {
		if slices.Contains(r.ignore, rule.ID) {
			continue
		}
		seen := rule.check(x)
		if seen == "" || x.plain != nil && rule.check(x.plain) == seen || x.get != nil && rule.check(x.get) == seen {
			continue
		}
		f := Finding{Rule: rule, Request: x.request.String(), Protocols: []string{x.protocol}, Observed: printable(seen)}
		if x.final != nil {
			f.Status = x.final.status
		}
		r.merge(f)
	}
}

// merge adds a finding. One that differs in the protocol alone is joined with it.
func (r *report) merge(f Finding) {
	for i := range r.found {
		if o := &r.found[i]; o.Rule.ID == f.Rule.ID && o.Request == f.Request && o.Status == f.Status && o.Observed == f.Observed {
			if !slices.Contains(o.Protocols, f.Protocols[0]) {
				o.Protocols = append(o.Protocols, f.Protocols[0])
			}
			return
		}
	}
	r.found = append(r.found, f)
}

// printable replaces what is not safe to print on a terminal, and bounds the length.
func printable(s string) string {
	const most = 300
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsGraphic(r) {
			return '?'
		}
		return r
	}, s)
}
