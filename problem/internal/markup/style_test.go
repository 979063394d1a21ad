package markup_test

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem/internal/markup"
)

func TestPolicyHasTheHashOfTheStyle(t *testing.T) {
	_, style, ok := strings.Cut(string(markup.AppendHead(nil, "en", "Title", 0)), "<style>")
	require.True(t, ok)
	style, _, ok = strings.Cut(style, "</style>")
	require.True(t, ok)
	sum := sha256.Sum256([]byte(style))
	assert.Contains(t, markup.Policy, "style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';")
	assert.NotContains(t, style, "</", "the end of the style element would come too early")
	assert.NotContains(t, style, "url(")
	assert.NotContains(t, style, "@import")
}
