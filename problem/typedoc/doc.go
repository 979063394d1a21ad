// Package typedoc documents the problem types of a service, as web pages and in
// OpenAPI.
//
// Start with respond.Pages, which serves the pages that [Pages] returns at the URIs of
// the types. [OpenAPI] returns a file that the OpenAPI description of the service can
// refer to.
//
// The package does not serve the pages itself, and it documents only the types it is
// given.
package typedoc
