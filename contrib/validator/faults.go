package validator

import (
	"errors"

	"github.com/go-playground/validator/v10"

	"github.com/rejoinder-go/rejoinder/problem"
)

// Err returns what err, which came of validating value, means to a client: nil
// if it is nil, and for validator.ValidationErrors a 422 with the faults, changed
// by the options. Any other error is returned as it is: it is a mistake in the
// program, such as a value that cannot be validated, and becomes a 500.
//
// value is what was validated, or a pointer to it, and was read from JSON. The
// bounds of [problem.Validation] apply. Err is safe for concurrent use.
func Err(value any, err error, opts ...problem.Option) error {
	return Texts(nil).Err(value, err, opts...)
}

// Faults returns the faults that [Err] lists, to describe them by a problem.Type
// for instance. It returns nil for an error that is not validator.ValidationErrors.
func Faults(value any, err error) problem.Validation { return Texts(nil).Faults(value, err) }

// Texts returns the message for a fault, such as a translation:
//
//	texts := validator.Texts(func(f validator.FieldError) string { return f.Translate(german) })
//	return texts.Err(order, err)
//
// An empty message means the English one. It must not have the value in it that
// the client sent. A nil Texts is ready to use.
type Texts func(validator.FieldError) string

// Err is the function [Err] with these messages.
func (t Texts) Err(value any, err error, opts ...problem.Option) error {
	if faults := t.Faults(value, err); len(faults) > 0 {
		return faults.Err(opts...)
	}
	return err
}

// Faults is the function [Faults] with these messages.
func (t Texts) Faults(value any, err error) problem.Validation {
	var all validator.ValidationErrors
	if !errors.As(err, &all) {
		return nil
	}
	var faults problem.Validation
	for _, f := range all[:min(len(all), problem.MaxFieldErrors)] {
		message := ""
		if t != nil {
			message = t(f)
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
