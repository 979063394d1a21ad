package problem

import (
	"crypto/sha256"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestHTMLPolicyHasTheHashOfTheStyle(t *testing.T) {
	sum := sha256.Sum256([]byte(htmlStyle))
	assert.Contains(t, HTMLPolicy, "style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';")
	assert.NotContains(t, htmlStyle, "</", "the end of the style element would come too early")
	assert.NotContains(t, htmlStyle, "url(")
	assert.NotContains(t, htmlStyle, "@import")
}
