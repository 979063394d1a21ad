// Package problem stands for the package of that name.
package problem

import "time"

// Option sets one thing of a problem.
type Option func()

func Cause(err error) Option                    { return nil }
func Detail(text string) Option                 { return nil }
func Detailf(format string, args ...any) Option { return nil }
func Challenge(challenges ...string) Option     { return nil }
func Allow(methods ...string) Option            { return nil }
func RetryAfter(wait time.Duration) Option      { return nil }
func Header(key, value string) Option           { return nil }
func Extension(name string, value any) Option   { return nil }
