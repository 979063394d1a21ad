package analyzers

import (
	"go/ast"
	"go/types"
)

// act is what a call does to a response.
type act uint16

const (
	actStatus   act = 1 << iota // sends a final status code
	actBody                     // writes to the body
	actComplete                 // sends a whole response, to which nothing can be added
	actAttempt                  // can fail before anything is sent
	actDelegate                 // gives the response to another handler
	actField                    // changes a header field
	actWork                     // reads what the request asks for
	actRefuse                   // sends a whole response that reports an error or leads elsewhere
	actTask                     // does something with the request that can fail
)

func (a act) has(b act) bool { return a&b != 0 }

// responds reports whether the call sends something of a response, or has
// another handler send it.
func (a act) responds() bool { return a.has(actStatus | actBody | actDelegate) }

// begins reports whether the header has been sent when the call returns.
func (a act) begins() bool { return a.has(actStatus|actBody) && !a.has(actAttempt) }

// code is a status code, as far as it is known: a constant, the value of a
// parameter of the function, or neither.
type code struct {
	value int        // 0 is unknown
	param *types.Var // nil if the code is not that of a parameter
	at    ast.Expr   // where it is written, if at all
	known bool       // value or param are valid
}

func (c code) same(d code) bool {
	return c.known == d.known && c.value == d.value && c.param == d.param
}

// is5xx reports whether the code is a constant of a server's failure.
func (c code) is5xx() bool { return c.known && c.param == nil && c.value >= 500 && c.value <= 599 }

// form is how a value becomes text of the body.
type form uint8

const (
	asText form = iota // as package fmt or a Writer shows it
	asJSON             // as encoding/json shows it, which shows no error
)

// flowOf is a value that becomes text of the body.
type flowOf struct {
	expr ast.Expr
	form form
	code code // of the response, if the call sends it
}

// event is one call that acts on a response.
type event struct {
	act    act
	call   *ast.CallExpr
	name   string     // as the program writes it
	known  string     // the known function or method, such as "net/http.Error"
	w      *types.Var // the parameter that is the ResponseWriter; nil if it is none
	code   code
	field  string // the header field that actField sets; "" if it is not constant
	flows  []flowOf
	before state // of the response before the call
}

// state says what has been sent on every path that leads to a place.
type state struct {
	sent  bool
	first *event // that began the response on one of the paths
	code  code   // the status code on all of them, if it is the same
}

// after returns the state behind an event.
func (s state) after(e *event) state {
	if s.sent || !e.act.begins() {
		return s
	}
	return state{sent: true, first: e, code: e.code.orOK(e.act)}
}

// orOK returns the code that net/http sends for the first call on a response.
func (c code) orOK(a act) code {
	if !a.has(actStatus) {
		return code{value: 200, known: true}
	}
	return c
}

// join returns what is true of both states.
func (s state) join(o state) state {
	if !s.sent || !o.sent {
		return state{}
	}
	if !s.code.same(o.code) {
		s.code = code{}
	}
	return s
}
