package conformance

import (
	"fmt"
	"strings"
)

// cacheRules are about what a response says to caches.
var cacheRules = []Rule{
	{"cache-control-syntax", 9111, "5.2", Must, "Cache-Control lists directives, each a token with an optional argument", "write it as in max-age=60, must-revalidate", cacheControlSyntax},
	{"max-age-syntax", 9111, "5.2.2.1", Must, "max-age is a number of seconds, without quotes", "write it as in max-age=60", seconds("max-age")},
	{"s-maxage-syntax", 9111, "5.2.2.10", Must, "s-maxage is a number of seconds, without quotes", "write it as in s-maxage=60", seconds("s-maxage")},
	{"age-syntax", 9111, "5.1", Must, "Age is a number of seconds", "leave Age to caches", ageSyntax},
	{"expires-syntax", 9111, "5.3", Must, "Expires is a date as in Mon, 02 Jan 2006 15:04:05 GMT",
		"format it with http.TimeFormat, in UTC; what is stale at once has Cache-Control: no-cache", expiresSyntax},
}

func cacheControlSyntax(x *exchange) string {
	return each(x, func(m *message) string {
		for _, d := range m.header.list("Cache-Control") {
			name, value, argued := strings.Cut(d, "=")
			if !isToken(name) || argued && !parameter.MatchString(name+"="+value) {
				return "Cache-Control: " + d
			}
		}
		return ""
	})
}

// seconds returns a check for the argument of a directive.
func seconds(directive string) func(*exchange) string {
	return func(x *exchange) string {
		return each(x, func(m *message) string {
			for _, d := range m.header.list("Cache-Control") {
				if name, value, _ := strings.Cut(d, "="); strings.EqualFold(name, directive) && !isDigits(value) {
					return "Cache-Control: " + d
				}
			}
			return ""
		})
	}
}

func ageSyntax(x *exchange) string {
	return each(x, func(m *message) string {
		for _, v := range m.header.values("Age") {
			if !isDigits(v) {
				return "Age: " + v
			}
		}
		return ""
	})
}

func expiresSyntax(x *exchange) string {
	return each(x, func(m *message) string {
		for _, v := range m.header.values("Expires") {
			if _, ok := parseDate(v); !ok {
				return fmt.Sprintf("Expires: %s", v)
			}
		}
		return ""
	})
}
