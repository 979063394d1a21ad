// Package helpers sends responses for other packages.
package helpers

import (
	"encoding/json"
	"net/http"
)

// Error sends an error in plain text.
func Error(w http.ResponseWriter, code int, msg string) { http.Error(w, msg, code) }

// JSON sends v.
func JSON(w http.ResponseWriter, code int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "cannot encode", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	w.Write(b)
}

// Fail sends the text of an error as JSON.
func Fail(w http.ResponseWriter, code int, err error) {
	JSON(w, code, map[string]string{"error": err.Error()})
}

// Challenge asks for credentials.
func Challenge(w http.ResponseWriter) { w.Header().Set("WWW-Authenticate", "Basic") }

// Check refuses a request without credentials, and reports whether it did not.
func Check(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Authorization") == "" {
		http.Error(w, "no credentials", http.StatusForbidden)
		return false
	}
	return true
}

// Send sends v with 200. What it sends with 500 is no text of its caller's.
func Send(w http.ResponseWriter, v any) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		b, _ = json.Marshal(map[string]string{"error": "cannot encode"})
		http.Error(w, string(b), http.StatusInternalServerError)
		return
	}
	w.Write(b)
}
