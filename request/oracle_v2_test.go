//go:build goexperiment.jsonv2 && go1.27

package request_test

import (
	"encoding/json"
	"encoding/json/jsontext"
	jsonv2 "encoding/json/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// oracle compares the value with that of encoding/json/v2 in the strictest mode.
func oracle(t *testing.T, body string, loose bool, got zoo) {
	var want zoo
	err := jsonv2.Unmarshal([]byte(body), &want, json.DefaultOptionsV1(), jsontext.AllowDuplicateNames(false), jsontext.AllowInvalidUTF8(false),
		jsonv2.MatchCaseInsensitiveNames(false), jsonv2.RejectUnknownMembers(!loose), json.UnmarshalArrayFromAnyLength(false))
	require.NoError(t, err, "%q", body)
	assert.Equal(t, want, got, "%q", body)
}
