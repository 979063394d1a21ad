// Package typedoc documents the problem types of a service: as the pages that
// their URIs lead to, and in OpenAPI.
//
// Start with respond.Pages, which serves what [Pages] returns. [OpenAPI] is for
// a program that writes the file to which the description of a service refers.
//
// It never sees a ResponseWriter, and it knows no type but those it is given.
package typedoc
