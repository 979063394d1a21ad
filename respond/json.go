package respond

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
)

// JSON answers with the JSON of v. It is encoded before the status line is
// sent: if that fails, the client gets an Internal Server Error, and the log
// the reason. HTML is not escaped. A code that forbids content gets none.
func JSON(w http.ResponseWriter, code int, v any) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		slog.Default().Error("respond: value cannot be encoded", "error", err)
		Error(w, http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if h.Get("Content-Encoding") == "" {
		h.Set("Content-Length", strconv.Itoa(buf.Len()))
	}
	w.WriteHeader(code)
	_, _ = w.Write(buf.Bytes()) // the client may be gone, and there is nobody else to tell
}

// Created answers 201 with the address of the new resource in Location, which
// may be relative, and the JSON of v.
func Created(w http.ResponseWriter, location string, v any) {
	w.Header().Set("Location", location)
	JSON(w, http.StatusCreated, v)
}

// NoContent answers 204: the request succeeded and there is nothing to send.
func NoContent(w http.ResponseWriter) {
	sendEmpty(w, http.StatusNoContent)
}
