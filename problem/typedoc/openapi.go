package typedoc

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/rejoinder-go/rejoinder/problem"
)

// OpenAPI returns an OpenAPI 3.1 document in JSON whose components describe the problems
// of a service. It has the schemas Problem, for any problem, and ValidationProblem, for
// problems with [problem.Errors], a schema for each type, and a response for each of
// these schemas. If the document is saved as problems.json, the OpenAPI description of
// the service can refer to it:
//
//	responses:
//	  "403": {$ref: "problems.json#/components/responses/OutOfCredit"}
//	  default: {$ref: "problems.json#/components/responses/Problem"}
//
// The name of a component comes from the last part of the URI of its type, such as
// out-of-credit in https://example.com/probs/out-of-credit. If that name is already
// used, a number is added, in the order of the types.
//
// OpenAPI panics if two types have the same URI, or if one of them is nil or was not
// returned by [problem.Define].
func OpenAPI(types ...*problem.Type) []byte {
	mustBeValid(types)
	schemas, responses := object{}, object{}
	add := func(name, description string, schema object, example *problem.Details) {
		ref := object{"$ref": "#/components/schemas/" + name}
		body := object{"schema": ref}
		if example != nil {
			doc, _ := example.AppendJSON(nil) // complete even after an error
			body["example"] = json.RawMessage(doc)
		}
		schemas[name] = schema
		responses[name] = object{
			"description": description,
			"content":     object{problem.MediaType: body, problem.MediaTypeXML: object{"schema": ref}},
		}
	}
	add("Problem", "The request failed.", problemSchema, nil)
	add("ValidationProblem", "Parts of the request are not valid.", validationSchema, nil)
	for _, t := range types {
		add(componentName(t, schemas), descriptionOf(t), schemaOf(t), t.Sample())
	}
	return indented(object{
		"openapi":    "3.1.1",
		"info":       object{"title": "Problem types", "version": "1"},
		"components": object{"schemas": schemas, "responses": responses},
	})
}

type object = map[string]any

// xmlRoot describes the root element of a problem in XML.
var xmlRoot = object{"name": "problem", "namespace": "urn:ietf:rfc:7807"}

var problemRef = object{"$ref": "#/components/schemas/Problem"}

// problemSchema is what AppendJSON guarantees, in JSON Schema. It allows further members,
// since a client ignores those that it does not know.
var problemSchema = object{
	"title":       "Problem",
	"description": "Describes one failure of one request (RFC 9457).",
	"externalDocs": object{
		"description": "RFC 9457: Problem Details for HTTP APIs",
		"url":         "https://www.rfc-editor.org/rfc/rfc9457.html",
	},
	"type":     "object",
	"required": []string{"type"},
	"properties": object{
		"type": object{
			"type": "string", "format": "uri-reference", "default": problem.BlankType,
			"description": "Identifies the kind of failure. If it is about:blank, the failure has no meaning beyond its status code.",
		},
		"title": object{
			"type":        "string",
			"description": "Short name of the kind of failure. All failures of a kind have the same title, except that it may be translated.",
		},
		"status": object{
			"type": "integer", "minimum": 100, "maximum": 599,
			"description": "The HTTP status code of the response.",
		},
		"detail": object{
			"type":        "string",
			"description": "Explains this failure to people. Programs should use the other members.",
		},
		"instance": object{
			"type": "string", "format": "uri-reference",
			"description": "Identifies this failure, for example in a log.",
		},
	},
	"xml": xmlRoot,
}

var validationSchema = object{
	"title":       "ValidationProblem",
	"description": "A problem with a list of the faults in the request.",
	"allOf":       []object{problemRef},
	"type":        "object",
	"required":    []string{"errors"},
	"properties": object{
		"errors": object{
			"type": "array", "minItems": 1,
			"items": object{
				"type":     "object",
				"required": []string{"detail"},
				"properties": object{
					"detail":    object{"type": "string", "description": "What is wrong, for people."},
					"pointer":   object{"type": "string", "format": "uri-reference", "description": "Where: a JSON Pointer (RFC 6901) as a URI fragment.", "examples": []string{"#/profile/color"}},
					"parameter": object{"type": "string", "description": "Where: the name of a query or path parameter."},
					"header":    object{"type": "string", "description": "Where: the name of a header field."},
					"code":      object{"type": "string", "description": "The kind of fault, for programs."},
				},
				"xml": object{"name": "i"},
			},
			"xml": object{"wrapped": true},
		},
	},
	"xml": xmlRoot,
}

// schemaOf returns the schema of a type. The title and the status are only examples: the
// title may be translated, and the status is the usual one.
func schemaOf(t *problem.Type) object {
	properties := object{
		"type":   object{"const": t.URI},
		"title":  object{"examples": []string{t.Title}},
		"status": object{"examples": []int{t.Status}},
	}
	for _, m := range t.Members {
		properties[m.Name] = memberSchema(m)
	}
	return object{
		"title":       t.Title,
		"description": descriptionOf(t),
		"allOf":       []object{problemRef},
		"type":        "object",
		"properties":  properties,
		"xml":         xmlRoot,
	}
}

// memberSchema returns the schema of an extension. It has only the JSON type of the
// example, since other values may have other members or elements.
func memberSchema(m problem.Member) object {
	example, _ := json.Marshal(m.Example)
	schema := object{"examples": []json.RawMessage{example}}
	if m.Doc != "" {
		schema["description"] = m.Doc
	}
	if name := jsonType(example); name != "" {
		schema["type"] = name
	}
	return schema
}

// jsonType returns the type of a value in JSON Schema, or "" for null, since other values
// have another type.
func jsonType(value []byte) string {
	switch value[0] {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case 'n':
		return ""
	}
	if bytes.ContainsAny(value, ".eE") {
		return "number"
	}
	return "integer"
}

func descriptionOf(t *problem.Type) string {
	if t.Doc != "" {
		return t.Doc
	}
	return t.Title
}

// componentName returns a name for a type that no component in taken has. It is in camel
// case and ASCII, as OpenAPI requires.
func componentName(t *problem.Type, taken object) string {
	name := camelCase(lastPart(t.URI))
	if name == "" {
		if name = camelCase(t.Title); name == "" {
			name = "Type"
		}
	}
	for unique, n := name, 2; ; n++ {
		if taken[unique] == nil {
			return unique
		}
		unique = name + strconv.Itoa(n)
	}
}

// lastPart returns the fragment of a URI or, without one, the last part of its path.
func lastPart(uri string) string {
	if u, err := url.Parse(uri); err == nil {
		if uri = u.Path + u.Opaque; u.Fragment != "" {
			uri = u.Fragment
		}
	}
	uri = strings.TrimRight(uri, "/:")
	return uri[strings.LastIndexAny(uri, "/:")+1:]
}

func camelCase(s string) string {
	var name []rune
	inside := false
	for _, r := range s {
		switch letter := unicode.IsLetter(r) || unicode.IsDigit(r); {
		case r > unicode.MaxASCII && letter: // left out, but does not end the word
		case letter && inside:
			name = append(name, r)
		case letter:
			name = append(name, unicode.ToUpper(r))
			inside = true
		default:
			inside = false
		}
	}
	return string(name)
}
