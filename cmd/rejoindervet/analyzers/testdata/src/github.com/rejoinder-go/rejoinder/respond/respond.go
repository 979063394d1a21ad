// Package respond stands for the package of that name.
package respond

import (
	"net/http"

	"github.com/rejoinder-go/rejoinder/problem"
)

func Error(w http.ResponseWriter, code int, opts ...problem.Option) {}
func Fail(w http.ResponseWriter, r *http.Request, err error)        {}
func JSON(w http.ResponseWriter, code int, v any)                   {}
func NoContent(w http.ResponseWriter)                               {}
func Created(w http.ResponseWriter, location string, v any)         {}
func Redirect(w http.ResponseWriter, code int, location string)     {}
