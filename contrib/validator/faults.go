package validator

import (
	"errors"

	"github.com/go-playground/validator/v10"

	"github.com/rejoinder-go/rejoinder/problem"
)

// Err converts err, the result of validating value. For validator.ValidationErrors it
// returns a problem with status 422 that lists the faults, with the options applied.
// It returns nil if err is nil, and any other error unchanged: that is a programming
// error, such as a value that cannot be validated, and becomes a 500.
//
// Value is the value that was validated, or a pointer to it, as it was decoded from
// JSON. The bounds of [problem.Validation] apply. Err is safe for concurrent use.
func Err(value any, err error, opts ...problem.Option) error {
	return Messages(nil).Err(value, err, opts...)
}

// Faults returns the faults that [Err] lists, for a problem of another type. It
// returns nil for an error that is not validator.ValidationErrors.
func Faults(value any, err error) problem.Validation { return Messages(nil).Faults(value, err) }

// Messages returns the message for a fault, such as a translation:
//
//	messages := validator.Messages(func(f validator.FieldError) string { return f.Translate(german) })
//	return messages.Err(order, err)
//
// A message must not contain the value that the client has sent. If it is empty, or if
// Messages is nil, the message is the English one.
type Messages func(validator.FieldError) string

// Err is the function [Err] with these messages.
func (m Messages) Err(value any, err error, opts ...problem.Option) error {
	if faults := m.Faults(value, err); len(faults) > 0 {
		return faults.Err(opts...)
	}
	return err
}

// Faults is the function [Faults] with these messages.
func (m Messages) Faults(value any, err error) problem.Validation {
	var all validator.ValidationErrors
	if !errors.As(err, &all) {
		return nil
	}
	var faults problem.Validation
	for _, f := range all[:min(len(all), problem.MaxFieldErrors)] {
		message := ""
		if m != nil {
			message = m(f)
		}
		if message == "" {
			message = english(value, f)
		}
		faults.Add(problem.FieldError{
			Detail:  message,
			Pointer: problem.PointerTo(value, f.StructNamespace()),
			Code:    code(f.Tag()),
		})
	}
	return faults
}

// code returns the code of a fault: the tag of the rule, unless package problem has a code for it.
func code(tag string) string {
	if tag == "len" {
		return problem.CodeLength
	}
	return tag
}
