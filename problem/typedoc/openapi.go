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

// OpenAPI returns a document of OpenAPI 3.1 in JSON whose components describe
// the problems of a service: the schemas Problem, for any of them, and
// ValidationProblem, for those with [problem.Errors]; a schema for each
// of the types; and a response for each of these schemas. A description of the service refers
// to them from the file it is saved in:
//
//	responses:
//	  "403": {$ref: "problems.json#/components/responses/OutOfCredit"}
//	  default: {$ref: "problems.json#/components/responses/Problem"}
//
// The name of a type is made of the last part of its URI, out-of-credit in
// https://example.com/probs/out-of-credit. Where two would have the same name,
// or that of one of ours, a number tells them apart in the order of the types.
//
// OpenAPI panics if two types have the same URI, or if one of them is nil or was
// not made by [problem.Define].
func OpenAPI(types ...*problem.Type) []byte {
	mustBeSound(types)
	schemas, responses := object{}, object{}
	add := func(name, description string, schema object, example *problem.Details) {
		ref := object{"$ref": "#/components/schemas/" + name}
		body := object{"schema": ref}
		if example != nil {
			doc, _ := example.AppendJSON(nil) // complete in any case
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

// ofXML is the root element of a problem in XML.
var ofXML = object{"name": "problem", "namespace": "urn:ietf:rfc:7807"}

var problemRef = object{"$ref": "#/components/schemas/Problem"}

// problemSchema says in JSON Schema what AppendJSON guarantees. Members beyond
// these are allowed: a reader passes over what it does not know.
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
			"description": "Tells one kind of failure from another. With about:blank the failure is no more than its status code says.",
		},
		"title": object{
			"type":        "string",
			"description": "Sums up the kind of failure. It differs between failures of a kind at most in its language.",
		},
		"status": object{
			"type": "integer", "minimum": 100, "maximum": 599,
			"description": "The HTTP status code of the response.",
		},
		"detail": object{
			"type":        "string",
			"description": "Explains this failure to people. Programs find what they need in other members.",
		},
		"instance": object{
			"type": "string", "format": "uri-reference",
			"description": "Identifies this failure, in a log for instance.",
		},
	},
	"xml": ofXML,
}

var validationSchema = object{
	"title":       "ValidationProblem",
	"description": "A problem that lists what is wrong with the request.",
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
					"code":      object{"type": "string", "description": "Which kind of fault, for programs."},
				},
				"xml": object{"name": "i"},
			},
			"xml": object{"wrapped": true},
		},
	},
	"xml": ofXML,
}

// schema narrows a problem down to the type. Title and status are examples: the
// one may be translated, and the other is what problems of the type usually
// have.
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
		"xml":         ofXML,
	}
}

// memberSchema describes an extension by its example: of which JSON type it is,
// and not more, since other values may have other parts.
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

// jsonType returns the name that JSON Schema has for the type of a value, or ""
// for null, which tells nothing.
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

// componentName returns a name that is not yet taken, in camel case and of
// ASCII only, as the names of components have to be.
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

// lastPart returns the fragment of a URI or else the last part of its path.
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
		case r > unicode.MaxASCII && letter: // leaves a gap, but ends no word
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
