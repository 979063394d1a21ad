package respond

import (
	"log/slog"
	"net/http"

	"github.com/rejoinder-go/rejoinder/problem"
)

// Responder answers with problems as the functions of the package do, tuned by
// its fields. The zero value is ready to use and is what those functions use.
// It is safe for concurrent use as long as nobody changes its fields.
type Responder struct {
	// Logger gets one record for each failure. Nil means slog.Default(), at
	// the time of the record.
	Logger *slog.Logger
}

var defaults Responder

// Problem is the function [Problem] with the settings of p.
func (p *Responder) Problem(w http.ResponseWriter, r *http.Request, d *problem.Details) {
	p.send(w, r, d)
}

func (p *Responder) logger() *slog.Logger {
	if p.Logger != nil {
		return p.Logger
	}
	return slog.Default()
}
