// Package validator turns the errors of github.com/go-playground/validator into
// problems that name each fault by its place in the body of the request.
//
// Start with [Err], which takes what was validated and the error:
//
//	order, err := request.JSON[Order](r)
//	if err != nil {
//		return err
//	}
//	if err := validator.Err(order, validate.Struct(order)); err != nil {
//		return err // 422, with a problem.FieldError for each fault
//	}
//
// The pointers are those of the JSON text, whatever the Go types are called:
// through tags, embedded, generic and anonymous structs, slices and maps. The
// code of a fault is the tag of the rule, such as "required" or "min", except that the
// code of "len" is problem.CodeLength, as in package request. [Texts] replaces the
// English messages, for translations.
//
// The package validates nothing itself, and no message has a value in it that the
// client sent. Import it under a name of its own where the other validator is
// imported too.
package validator
