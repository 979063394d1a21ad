package exchange

import (
	"fmt"
	"log"
	"net/http"
	"path"
	"runtime"
	"strings"
)

// Call is a call of WriteHeader.
type Call struct {
	Code     int
	Function string // with its package path
	File     string // base name
	Line     int
}

// String formats the call as net/http's own log does.
func (c Call) String() string { return fmt.Sprintf("%s (%s:%d)", c.Function, c.File, c.Line) }

// maxCalls bounds the number of superfluous calls that are recorded.
const maxCalls = 8

// maxFrames is how far callerOf looks up the stack: a handler behind some ten
// wrappers, each with a frame or two of its own.
const maxFrames = 32

// CallerOf returns the call of WriteHeader with code that is in progress.
func CallerOf(code int) Call { return callerOf(code) }

// callerOf finds the handler that called WriteHeader. It skips the frames of this
// toolkit and of net/http.
func callerOf(code int) Call {
	var pcs [maxFrames]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		if !isOurs(f.Function) || !more {
			return Call{Code: code, Function: f.Function, File: path.Base(f.File), Line: f.Line}
		}
	}
}

func isOurs(function string) bool {
	for _, prefix := range [...]string{
		"net/http.",
		"github.com/rejoinder-go/rejoinder/internal/exchange.",
		"github.com/rejoinder-go/rejoinder/middleware.(*",
		"github.com/rejoinder-go/rejoinder/respond.",
		"github.com/felixge/httpsnoop.",
	} {
		if strings.HasPrefix(function, prefix) {
			return true
		}
	}
	return false
}

// serverLog writes to the log in which net/http's server writes such messages.
func (w *Writer) serverLog(format string, call Call) {
	srv, _ := w.x.Request.Context().Value(http.ServerContextKey).(*http.Server)
	if srv != nil && srv.ErrorLog != nil {
		srv.ErrorLog.Printf(format, call)
		return
	}
	log.Printf(format, call)
}
