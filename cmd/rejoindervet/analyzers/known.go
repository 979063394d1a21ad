package analyzers

import (
	"go/ast"
	"go/types"
	"regexp"
	"slices"
	"strings"
)

const (
	rejoinder      = "github.com/rejoinder-go/rejoinder/"
	respondPath    = rejoinder + "respond"
	problemPath    = rejoinder + "problem"
	middlewarePath = rejoinder + "middleware"
)

// known describes a function that acts on a response. Arguments are counted from 0. An index of -1
// means that the function has no such argument.
type known struct {
	act   act
	w     int
	code  int
	fixed int // the code, if it is always the same
	text  int // the argument that becomes part of the body, with all after it if rest is set
	rest  bool
	json  bool // the text is encoded as JSON
}

// knownFuncs are the functions, by import path and name.
var knownFuncs = map[string]known{
	"net/http.Error":          {act: actStatus | actBody | actComplete | actRefuse, code: 2, text: 1},
	"net/http.NotFound":       {act: actStatus | actBody | actComplete | actRefuse, code: -1, fixed: 404, text: -1},
	"net/http.Redirect":       {act: actStatus | actComplete | actRefuse, code: 3, text: -1},
	"net/http.ServeContent":   {act: actStatus | actComplete, code: -1, text: -1},
	"net/http.ServeFile":      {act: actStatus | actComplete, code: -1, text: -1},
	"net/http.ServeFileFS":    {act: actStatus | actComplete, code: -1, text: -1},
	"net/http.SetCookie":      {act: actField, code: -1, text: -1},
	"io.WriteString":          {act: actBody, code: -1, text: 1},
	"io.Copy":                 {act: actBody | actAttempt, code: -1, text: -1},
	"io.CopyN":                {act: actBody | actAttempt, code: -1, text: -1},
	"fmt.Fprint":              {act: actBody, code: -1, text: 1, rest: true},
	"fmt.Fprintln":            {act: actBody, code: -1, text: 1, rest: true},
	"fmt.Fprintf":             {act: actBody, code: -1, text: 1, rest: true},
	respondPath + ".Error":    {act: actStatus | actBody | actComplete | actRefuse, code: 1, text: 2, rest: true},
	respondPath + ".Fail":     {act: actStatus | actBody | actComplete | actRefuse, code: -1, text: -1},
	respondPath + ".Problem":  {act: actStatus | actBody | actComplete | actRefuse, code: -1, text: -1},
	respondPath + ".Redirect": {act: actStatus | actComplete | actRefuse, code: 1, text: -1},
	respondPath + ".JSON":     {act: actStatus | actBody | actComplete, code: 1, text: 2, json: true},
	respondPath + ".Text":     {act: actStatus | actBody | actComplete, code: 1, text: 2},
	respondPath + ".Bytes":    {act: actStatus | actBody | actComplete, code: 1, text: 3},
	respondPath + ".HTML":     {act: actStatus | actBody | actComplete, code: 1, text: -1},
	respondPath + ".Created":  {act: actStatus | actBody | actComplete, code: -1, fixed: 201, text: 2, json: true},
	respondPath + ".Accepted": {act: actStatus | actBody | actComplete, code: -1, fixed: 202, text: -1},
	// Without a body.
	respondPath + ".NoContent":    {act: actStatus | actComplete, code: -1, fixed: 204, text: -1},
	respondPath + ".ResetContent": {act: actStatus | actComplete, code: -1, fixed: 205, text: -1},
	respondPath + ".NotModified":  {act: actStatus | actComplete, code: -1, fixed: 304, text: -1},
}

// eventsOf calls f for the events of a node of a control-flow graph, in order. It leaves out those
// in defer and go statements and function literals, which happen at another time.
func (p *program) eventsOf(u *unit, node ast.Node, f func(*event)) {
	var stack []ast.Node
	ast.Inspect(node, func(n ast.Node) bool {
		if n == nil {
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if call, ok := top.(*ast.CallExpr); ok {
				if e := p.eventOf(call); e != nil {
					f(e)
				}
			}
			return true
		}
		switch n.(type) {
		case *ast.FuncLit, *ast.DeferStmt, *ast.GoStmt:
			return false
		}
		stack = append(stack, n)
		return true
	})
}

// eventOf returns the event of a call, or nil if the call does nothing known to a response.
func (p *program) eventOf(call *ast.CallExpr) *event {
	name := p.knownName(call)
	e := &event{call: call, known: name, name: types.ExprString(call.Fun)}
	if k, ok := knownFuncs[name]; ok && len(call.Args) > max(k.w, k.code) {
		return p.knownEvent(e, k)
	}
	if strings.HasPrefix(name, respondPath+".Responder.") {
		if k, ok := knownFuncs[respondPath+strings.TrimPrefix(name, respondPath+".Responder")]; ok && len(call.Args) > max(k.w, k.code) {
			return p.knownEvent(e, k)
		}
	}
	if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
		if m := p.methodEvent(e, sel, name); m != nil {
			return m
		}
	}
	if h := p.helperEvent(e); h != nil {
		return h
	}
	if p.isWork(call) {
		e.act = actTask
		return e
	}
	return nil
}

// notWork matches the names of functions that a handler may call for a request that it refused.
var notWork = regexp.MustCompile(`(?i)log|audit|metric|trace|report|notify|drain|discard|record|observe|copy|close|rollback|clean|remove|release|lock|abort|cancel|flush|print|count|wait`)

// isWork reports whether a call uses the request and returns an error.
func (p *program) isWork(call *ast.CallExpr) bool {
	fn := p.callee(call)
	if fn == nil || fn.Pkg() == nil || notWork.MatchString(fn.Name()) {
		return false
	}
	results := fn.Signature().Results()
	if results.Len() == 0 || !isErrorType(results.At(results.Len()-1).Type()) {
		return false
	}
	return slices.ContainsFunc(call.Args, func(arg ast.Expr) bool { return p.ofRequest(arg, 0) })
}

// ofRequest reports whether a value is the request or derived from it.
func (p *program) ofRequest(e ast.Expr, depth int) (found bool) {
	const links = 3 // variables between the request and the value
	ast.Inspect(e, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok || found {
			return !found
		}
		v := p.varOf(id)
		switch {
		case v == nil:
		case p.params[v]:
			ptr, ok := v.Type().(*types.Pointer)
			found = ok && isNamed(ptr.Elem(), "net/http", "Request")
		case len(p.defs[v]) == 1 && p.defs[v][0] != nil && depth < links:
			found = p.ofRequest(p.defs[v][0], depth+1)
		}
		return !found
	})
	return found
}

func (p *program) knownEvent(e *event, k known) *event {
	e.act = k.act
	if !p.isWriter(e.call.Args[k.w]) {
		return nil
	}
	e.w = p.writerOf(e.call.Args[k.w])
	switch {
	case k.code >= 0:
		e.code = p.codeOf(e.call.Args[k.code])
	case k.fixed != 0:
		e.code = code{value: k.fixed, known: true}
	}
	if e.act == actField {
		e.field = "Set-Cookie"
	}
	if k.text < 0 {
		return e
	}
	kind := asText
	if k.json {
		kind = asJSON
	}
	if e.known == "fmt.Fprintf" {
		for _, arg := range p.shown(e.call.Args[k.text:]) {
			e.flows = append(e.flows, flowOf{expr: arg})
		}
		return e
	}
	for i, arg := range e.call.Args {
		if i == k.text || i > k.text && k.rest {
			e.flows = append(e.flows, flowOf{arg, kind, e.code})
		}
	}
	return e
}

// methodEvent returns the event of a call of a method whose receiver is a response writer, or writes
// to one. It returns nil for other methods.
func (p *program) methodEvent(e *event, sel *ast.SelectorExpr, name string) *event {
	args := e.call.Args
	switch {
	case name == "net/http.ResponseWriter.WriteHeader" && len(args) == 1:
		e.w, e.code = p.writerOf(sel.X), p.codeOf(args[0])
		if c := e.code; c.known && c.param == nil && c.value >= 100 && c.value < 200 && c.value != 101 {
			return e // an interim response comes before the final one
		}
		e.act = actStatus
	case name == "net/http.ResponseWriter.Write" && len(args) == 1:
		e.w, e.act = p.writerOf(sel.X), actBody
		if p.isEmpty(args[0]) {
			e.act |= actAttempt
		}
		e.flows = []flowOf{{expr: args[0]}}
	case name == "encoding/json.Encoder.Encode" && len(args) == 1:
		return p.through(e, sel.X, flowOf{expr: args[0], form: asJSON})
	case name == "encoding/xml.Encoder.Encode":
		return p.through(e, sel.X)
	case (strings.HasPrefix(name, "html/template.Template.Execute") || strings.HasPrefix(name, "text/template.Template.Execute")) && len(args) > 1:
		if !p.isWriter(args[0]) {
			return nil
		}
		e.w, e.act = p.writerOf(args[0]), actBody|p.attempt(e.call)
	case sel.Sel.Name == "ServeHTTP" && len(args) == 2 && p.isWriter(args[0]):
		e.w, e.act = p.writerOf(args[0]), actDelegate
	case strings.HasPrefix(name, "net/http.Header."):
		return p.fieldEvent(e, sel)
	case p.readsRequest(sel, name):
		e.act = actWork
	default:
		return nil
	}
	return e
}

// readsRequest reports whether a method reads the body or the form of a request.
func (p *program) readsRequest(sel *ast.SelectorExpr, name string) bool {
	switch name {
	case "net/http.Request.ParseForm", "net/http.Request.ParseMultipartForm":
		return true
	case "encoding/json.Decoder.Decode", "encoding/xml.Decoder.Decode":
		made, ok := p.made(sel.X).(*ast.CallExpr)
		return ok && len(made.Args) == 1 && p.isRequestBody(made.Args[0])
	}
	return false
}

// through returns the event of an encoder that writes to a response, or nil.
func (p *program) through(e *event, encoder ast.Expr, flows ...flowOf) *event {
	made, ok := p.made(encoder).(*ast.CallExpr)
	if !ok || len(made.Args) != 1 || !p.isWriter(made.Args[0]) {
		return nil
	}
	e.w, e.act, e.flows = p.writerOf(made.Args[0]), actBody|p.attempt(e.call), flows
	return e
}

// attempt returns actAttempt unless the program ignores the error of a call. Then the next statement
// runs even if the call has sent something.
func (p *program) attempt(call *ast.CallExpr) act {
	switch parent := p.parents[call].(type) {
	case *ast.ExprStmt:
		return 0
	case *ast.AssignStmt:
		if id, ok := parent.Lhs[0].(*ast.Ident); ok && len(parent.Lhs) == 1 && id.Name == "_" {
			return 0
		}
	}
	return actAttempt
}

// made returns the expression that is assigned to a variable, if there is exactly one, or the
// expression itself.
func (p *program) made(e ast.Expr) ast.Expr {
	if only := p.only(e); only != nil {
		return ast.Unparen(only)
	}
	return ast.Unparen(e)
}

// fieldEvent returns the event of a call that changes the header of a response, or nil.
func (p *program) fieldEvent(e *event, sel *ast.SelectorExpr) *event {
	header, ok := p.made(sel.X).(*ast.CallExpr)
	if !ok || p.knownName(header) != "net/http.ResponseWriter.Header" || len(e.call.Args) == 0 {
		return nil
	}
	switch sel.Sel.Name {
	case "Set", "Add", "Del":
	default:
		return nil
	}
	e.w, e.act = p.writerOf(ast.Unparen(header.Fun).(*ast.SelectorExpr).X), actField
	e.field, _ = p.constString(e.call.Args[0])
	return e
}
