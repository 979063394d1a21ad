package problem_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// golden returns a document of RFC 9457.
func golden(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "rfc9457", name))
	require.NoError(t, err)
	return string(b)
}

func TestExamplesOfTheRFCSurviveARoundTrip(t *testing.T) {
	for _, name := range []string{"rfc9457-s3-2.json", "rfc9457-s3-4.json", "rfc9457-c-1.json"} {
		doc := golden(t, name)
		first := write(t, read(t, doc))
		assert.JSONEq(t, doc, first, name)
		assert.Equal(t, first, write(t, read(t, first)), name)
	}
}

// TestDocumentsFollowTheSchemaOfTheRFC reads the types and bounds out of the
// JSON Schema of RFC 9457, appendix A.
func TestDocumentsFollowTheSchemaOfTheRFC(t *testing.T) {
	var schema struct {
		Properties map[string]struct {
			Type, Format     string
			Minimum, Maximum float64
		}
	}
	require.NoError(t, json.Unmarshal([]byte(golden(t, "problem.schema.json")), &schema))
	require.Len(t, schema.Properties, 5)
	docs := []*problem.Details{{}, {Status: -1}, {Status: 1000}, {Type: "a b"}, OutOfCredit.New(problem.Instance("%"), problem.Extension("status", "x"))}
	for s := range status.All() {
		docs = append(docs, problem.New(s.Code))
	}
	for _, d := range docs {
		doc, _ := d.AppendJSON(nil)
		var members map[string]any
		require.NoError(t, json.Unmarshal(doc, &members))
		for name, p := range schema.Properties {
			v, ok := members[name]
			if !ok {
				continue
			}
			switch p.Type {
			case "string":
				assert.IsType(t, "", v, "%s of %s", name, doc)
			case "integer":
				n, _ := v.(float64)
				assert.True(t, n >= p.Minimum && n <= p.Maximum && n == float64(int(n)), "%s of %s", name, doc)
			default:
				t.Errorf("the schema has a type that this test does not know: %q", p.Type)
			}
			if p.Format == "uri-reference" {
				assert.NotRegexp(t, `[^!-~]|["<>\\^{|}]|^$`, v, "%s of %s", name, doc)
			}
		}
	}
}
