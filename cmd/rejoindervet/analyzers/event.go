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
	actDelegate                 // passes the response to another handler
	actField                    // changes a header field
	actWork                     // reads the body or the form of the request
	actRefuse                   // sends a whole response that is an error or a redirect
	actTask                     // uses the request and returns an error
)

func (a act) has(b act) bool { return a&b != 0 }

// responds reports whether the call sends part of a response, or another handler does.
func (a act) responds() bool { return a.has(actStatus | actBody | actDelegate) }

// begins reports whether the header has been sent when the call returns.
func (a act) begins() bool { return a.has(actStatus|actBody) && !a.has(actAttempt) }

// code is a status code: a constant, the value of a parameter of the function, or unknown.
type code struct {
	value int        // 0 is unknown
	param *types.Var // nil if the code is not that of a parameter
	at    ast.Expr   // the expression, or nil
	known bool       // value or param are valid
}

func (c code) same(d code) bool {
	return c.known == d.known && c.value == d.value && c.param == d.param
}

// is5xx reports whether the code is a constant 5xx.
func (c code) is5xx() bool { return c.known && c.param == nil && c.value >= 500 && c.value <= 599 }

// form is how a value is converted to text in the body.
type form uint8

const (
	asText form = iota // by package fmt, or by writing it
	asJSON             // by encoding/json, which does not write the message of an error
)

// flowOf is a value that becomes part of the body.
type flowOf struct {
	expr ast.Expr
	form form
	code code // of the response, if the call sends it
}

// event is one call that acts on a response.
type event struct {
	act    act
	call   *ast.CallExpr
	name   string     // the function, as in the source
	known  string     // the known function or method, such as "net/http.Error"
	w      *types.Var // the ResponseWriter, or nil if it is not a parameter
	code   code
	field  string // the header field that actField sets; "" if it is not constant
	flows  []flowOf
	before state // of the response before the call
}

// state is what has been sent on every path to a statement.
type state struct {
	sent  bool
	first *event // the event that began the response on one of the paths
	code  code   // the status code, if it is the same on all paths
}

// after returns the state after an event.
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

// join returns what is true in both states.
func (s state) join(o state) state {
	if !s.sent || !o.sent {
		return state{}
	}
	if !s.code.same(o.code) {
		s.code = code{}
	}
	return s
}
