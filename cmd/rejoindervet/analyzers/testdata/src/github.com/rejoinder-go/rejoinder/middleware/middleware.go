// Package middleware stands for the package of that name.
package middleware

import "net/http"

func Normalize(next http.Handler) http.Handler { return next }
