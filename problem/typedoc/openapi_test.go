package typedoc_test

import (
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/typedoc"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// shop has types for every way in which a component gets its name.
var shop = []*problem.Type{
	problem.Define("https://example.com/probs/out-of-credit", "You do not have enough credit.", 403, "The account has less credit than the order costs. Top it up.",
		problem.Member{Name: "balance", Doc: "What is left.", Example: 30}, problem.Member{Name: "accounts", Example: []string{"/account/1"}}),
	problem.Define("https://example.com/probs#order_locked", "The order is locked.", 423, ""),
	problem.Define("/probs/out-of-credit/", "Out of credit, again", 402, "Has the same name."),
	problem.Define("tag:example@example.org,2021-09-17:OutOfLuck", "Out of luck", 500, "Has no address."),
	problem.Define("https://example.com/probs/problem", "Has a name of ours", 400, "Gets a number."),
	problem.Define("https://example.com/", "Größer als erlaubt", 413, "Is named after its title."),
	problem.Define("https://example.com/?", "過大", 413, "Has no name in ASCII."),
	problem.QuotaExceeded,
}

func TestOpenAPIMatchesTheReviewedFile(t *testing.T) {
	const golden = "testdata/openapi.json"
	got := typedoc.OpenAPI(shop...)
	if *update {
		require.NoError(t, os.WriteFile(golden, got, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "go test -run OpenAPI -update rewrites it")
	assert.Equal(t, got, typedoc.OpenAPI(shop...), "every time the same")
}

func TestOpenAPIIsConsistent(t *testing.T) {
	var doc struct {
		OpenAPI    string
		Info       struct{ Title, Version string }
		Components struct {
			Schemas   map[string]map[string]any
			Responses map[string]struct {
				Description string
				Content     map[string]struct {
					Schema  map[string]string
					Example map[string]any
				}
			}
		}
	}
	raw := typedoc.OpenAPI(shop...)
	require.NoError(t, json.Unmarshal(raw, &doc))
	assert.Regexp(t, `^3\.1\.\d+$`, doc.OpenAPI)
	assert.NotEmpty(t, doc.Info.Title)
	assert.NotEmpty(t, doc.Info.Version)

	names := []string{}
	for name := range doc.Components.Schemas {
		names = append(names, name)
		assert.Regexp(t, `^[a-zA-Z0-9._-]+$`, name, "what the specification allows")
	}
	slices.Sort(names)
	assert.Equal(t, []string{"GrerAlsErlaubt", "OrderLocked", "OutOfCredit", "OutOfCredit2", "OutOfLuck", "Problem", "Problem2", "QuotaExceeded", "Type", "ValidationProblem"}, names)
	for _, ref := range regexp.MustCompile(`"\$ref": "([^"]*)"`).FindAllStringSubmatch(string(raw), -1) {
		name, ok := strings.CutPrefix(ref[1], "#/components/schemas/")
		assert.True(t, ok, ref[1])
		assert.Contains(t, doc.Components.Schemas, name)
	}
	for name, r := range doc.Components.Responses {
		assert.NotEmpty(t, r.Description, name)
		for _, mediaType := range []string{problem.MediaType, problem.MediaTypeXML} {
			assert.Equal(t, "#/components/schemas/"+name, r.Content[mediaType].Schema["$ref"])
		}
	}
	for _, typ := range shop {
		found := 0
		for name, schema := range doc.Components.Schemas {
			properties, _ := schema["properties"].(map[string]any)
			if of, _ := properties["type"].(map[string]any); of["const"] == typ.URI {
				found++
				example := doc.Components.Responses[name].Content[problem.MediaType].Example
				var want map[string]any
				sample, err := typ.Sample().AppendJSON(nil)
				require.NoError(t, err)
				require.NoError(t, json.Unmarshal(sample, &want))
				assert.Equal(t, want, example)
			}
		}
		assert.Equal(t, 1, found, typ.URI)
	}
}

func TestOpenAPITypesMembersByTheirExamples(t *testing.T) {
	types := problem.Define("https://example.com/p/x", "X", 400, "",
		problem.Member{Name: "text", Example: "a"}, problem.Member{Name: "whole", Example: -3}, problem.Member{Name: "decimal", Example: 1.5},
		problem.Member{Name: "truth", Example: true}, problem.Member{Name: "list", Example: []any{}}, problem.Member{Name: "object", Doc: "d", Example: map[string]int{"a": 1}},
		problem.Member{Name: "nothing"})
	var doc struct {
		Components struct {
			Schemas map[string]struct{ Properties map[string]map[string]any }
		}
	}
	require.NoError(t, json.Unmarshal(typedoc.OpenAPI(types), &doc))
	got := doc.Components.Schemas["X"].Properties
	for name, want := range map[string]any{"text": "string", "whole": "integer", "decimal": "number", "truth": "boolean", "list": "array", "object": "object", "nothing": nil} {
		assert.Equal(t, want, got[name]["type"], name)
		assert.Len(t, got[name]["examples"], 1, name)
	}
	assert.Equal(t, "d", got["object"]["description"])
}

// The schema is not a copy of that in RFC 9457, appendix A. It has to agree with it except
// for the descriptions.
func TestOpenAPIAgreesWithTheSchemaOfTheRFC(t *testing.T) {
	file, err := os.ReadFile("../testdata/rfc9457/problem.schema.json")
	require.NoError(t, err)
	var theirs struct{ Properties map[string]map[string]any }
	require.NoError(t, json.Unmarshal(file, &theirs))
	var ours struct {
		Components struct {
			Schemas map[string]struct{ Properties map[string]map[string]any }
		}
	}
	require.NoError(t, json.Unmarshal(typedoc.OpenAPI(), &ours))
	got := ours.Components.Schemas["Problem"].Properties
	for _, properties := range []map[string]map[string]any{got, theirs.Properties} {
		for _, p := range properties {
			delete(p, "description")
		}
	}
	delete(got["type"], "default") // the RFC has it in its prose, section 3.1.1
	assert.Equal(t, theirs.Properties, got)
}
