//go:build !goexperiment.jsonv2 || !go1.27

package request_test

import "testing"

// oracle is for builds that have encoding/json/v2.
func oracle(*testing.T, string, bool, zoo) {}
