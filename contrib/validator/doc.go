// Package validator converts errors of github.com/go-playground/validator to problems
// that name each fault by its place in the body of the request.
//
// Start with [Err], which accepts the value that was validated and the error:
//
//	order, err := request.JSON[Order](r)
//	if err != nil {
//		return err
//	}
//	if err := validator.Err(order, validate.Struct(order)); err != nil {
//		return err // 422, with a problem.FieldError for each fault
//	}
//
// Pointers lead to the place in the JSON text, through tags, embedded, generic and
// anonymous structs, slices and maps. The code of a fault is the tag of the rule, such
// as "required" or "min", except that the code of "len" is problem.CodeLength, as in
// package request. [Messages] replaces the English messages, for example with
// translations.
//
// The package does not validate, and no message contains a value that the client has
// sent. A file that also imports go-playground's validator has to rename one of the
// two imports.
package validator
