package analyzers

import (
	"fmt"
	"go/ast"
	"go/types"
	"reflect"
	"slices"
	"strings"
)

// responds is a fact about a function: what it does to the http.ResponseWriter that is one of its
// parameters. Parameters are counted from 0, without the receiver. An index of -1 means none.
type responds struct {
	W         int
	Act       uint16 // what it does on every path to a return
	Code      int    // the status code, if it is always the same
	CodeParam int    // the parameter that is the status code
	Flows     []textFlow
	Fields    []string // header fields that it may set
	AnyField  bool     // it may set header fields that are not known
}

// textFlow is a parameter that becomes part of the body.
type textFlow struct {
	Param     int
	JSON      bool
	Code      int // of the response, or 0
	CodeParam int // or -1
}

func (*responds) AFact() {}

func (f *responds) String() string {
	return fmt.Sprintf("responds(act=%d code=%d/%d flows=%d)", f.Act, f.Code, f.CodeParam, len(f.Flows))
}

// helper returns the function that a call names and the fact about it. Either may be nil.
func (p *program) helper(call *ast.CallExpr) (*types.Func, *responds) {
	fn := p.callee(call)
	if fn == nil || fn.Pkg() == nil || strings.HasPrefix(fn.Pkg().Path()+"/", rejoinder) && fn.Pkg() != p.pass.Pkg {
		return fn, nil
	}
	if fact := p.helpers[fn]; fact != nil || fn.Pkg() == p.pass.Pkg {
		return fn, fact
	}
	fact := new(responds)
	if !p.pass.ImportObjectFact(fn, fact) {
		return fn, nil
	}
	return fn, fact
}

// helperEvent returns the event of a call of a function of the program, or nil if there is no fact
// about the function.
func (p *program) helperEvent(e *event) *event {
	fn, fact := p.helper(e.call)
	if fact == nil || len(e.call.Args) <= max(fact.W, fact.CodeParam) || !p.isWriter(e.call.Args[fact.W]) {
		return nil
	}
	e.w, e.act = p.writerOf(e.call.Args[fact.W]), act(fact.Act)
	e.code = p.codeIn(e.call, fact.Code, fact.CodeParam)
	for _, flow := range fact.Flows {
		c := p.codeIn(e.call, flow.Code, flow.CodeParam)
		for _, arg := range argsOf(fn, e.call, flow.Param) {
			f := flowOf{expr: arg, code: c}
			if flow.JSON {
				f.form = asJSON
			}
			e.flows = append(e.flows, f)
		}
	}
	if c := e.code; c.known && c.param == nil && c.value >= 400 && e.act.has(actStatus) && e.act.has(actBody) {
		e.act |= actComplete | actRefuse
	}
	if c := e.code; c.known && c.param == nil && c.value > 0 && c.value < 400 {
		e.act &^= actRefuse
	}
	return e
}

// codeIn returns the status code that a helper sends for a call.
func (p *program) codeIn(call *ast.CallExpr, value, param int) code {
	switch {
	case param >= 0 && param < len(call.Args):
		return p.codeOf(call.Args[param])
	case value != 0:
		return code{value: value, known: true}
	}
	return code{}
}

// argsOf returns the arguments for a parameter, which may be variadic.
func argsOf(fn *types.Func, call *ast.CallExpr, param int) []ast.Expr {
	sig := fn.Signature()
	switch {
	case param >= len(call.Args):
		return nil
	case sig.Variadic() && param == sig.Params().Len()-1:
		return call.Args[param:]
	}
	return call.Args[param : param+1]
}

// learn computes the fact about a function, and reports whether it has changed.
func (p *program) learn(u *unit) bool {
	sig := u.fn.Signature()
	w := -1
	for i := range sig.Params().Len() {
		if isNamed(sig.Params().At(i).Type(), "net/http", "ResponseWriter") {
			if w >= 0 {
				return p.note(u.fn, &responds{W: w, CodeParam: -1, AnyField: true}) // it is not known which of them is the client's
			}
			w = i
		}
	}
	if w < 0 {
		return false
	}
	fact := &responds{W: w, CodeParam: -1}
	writer := sig.Params().At(w)
	if p.assigned(writer) {
		fact.AnyField = true
		return p.note(u.fn, fact)
	}
	fact.Act = uint16(u.always(writer))
	p.learnCode(u, writer, fact)
	p.learnFlows(u, writer, fact)
	p.learnFields(u, fact)
	if fact.Act == 0 && len(fact.Flows) == 0 && len(fact.Fields) == 0 && !fact.AnyField {
		return false
	}
	return p.note(u.fn, fact)
}

// note stores the fact about a function, and reports whether it has changed.
func (p *program) note(fn *types.Func, fact *responds) bool {
	if old := p.helpers[fn]; old != nil && reflect.DeepEqual(old, fact) {
		return false
	}
	p.helpers[fn] = fact
	return true
}

// always returns what a function does to a response on every path.
func (u *unit) always(w *types.Var) (all act) {
	for _, a := range []act{actStatus, actBody, actComplete, actRefuse} {
		sure := u.surely(func(b *cfgBlock) bool {
			return slices.ContainsFunc(u.blocks[b.Index], func(e *event) bool { return e.w == w && e.act.has(a) })
		})
		if sure[0] {
			all |= a
		}
	}
	begun := u.surely(func(b *cfgBlock) bool {
		return slices.ContainsFunc(u.blocks[b.Index], func(e *event) bool { return e.w == w && e.act.begins() })
	})
	switch {
	case !all.has(actStatus | actBody):
		return 0
	case !begun[0]:
		all |= actAttempt
	}
	return all
}

// learnCode sets the code that a function sends. If that is a parameter, it ignores the 5xx that the
// function sends when it cannot encode a response.
func (p *program) learnCode(u *unit, w *types.Var, fact *responds) {
	var codes []code
	u.events(func(_ *cfgBlock, _ int, e *event) {
		if e.w == w && e.act.has(actStatus) {
			codes = append(codes, e.code)
		}
	})
	if slices.ContainsFunc(codes, func(c code) bool { return c.known && c.param != nil }) {
		codes = slices.DeleteFunc(codes, code.is5xx)
	}
	if len(codes) == 0 || !codes[0].known || slices.ContainsFunc(codes, func(c code) bool { return !c.same(codes[0]) }) {
		return
	}
	if v := codes[0].param; v != nil {
		fact.CodeParam = paramIndex(u.fn, v)
		return
	}
	fact.Code = codes[0].value
}

// learnFlows sets the parameters that become part of the body.
func (p *program) learnFlows(u *unit, w *types.Var, fact *responds) {
	u.events(func(_ *cfgBlock, _ int, e *event) {
		if e.w != w {
			return
		}
		for _, f := range e.flows {
			c := f.code
			if !c.known {
				c = e.before.code
			}
			if !c.known || c.param == nil && !isError(c.value) {
				continue
			}
			flow := textFlow{Code: c.value, CodeParam: -1}
			if c.param != nil {
				if flow.CodeParam = paramIndex(u.fn, c.param); flow.CodeParam < 0 {
					continue
				}
			}
			for _, param := range p.textOf(f.expr, f.form).params {
				if flow.Param, flow.JSON = paramIndex(u.fn, param.v), param.form == asJSON; flow.Param < 0 {
					continue
				}
				if isErrorType(param.v.Type()) && c.param == nil && c.value >= 500 {
					continue // reported in the function, and not for each of its callers
				}
				if !slices.Contains(fact.Flows, flow) {
					fact.Flows = append(fact.Flows, flow)
				}
			}
		}
	})
}

// learnFields sets the header fields that a function may set.
func (p *program) learnFields(u *unit, fact *responds) {
	fields := p.fieldsIn(u.body)
	fact.AnyField = fields.any
	for name := range fields.names {
		fact.Fields = append(fact.Fields, name)
	}
	slices.Sort(fact.Fields)
}

func isError(code int) bool { return code >= 400 && code <= 599 }

// paramIndex returns the index of a parameter, or -1.
func paramIndex(fn *types.Func, v *types.Var) int {
	params := fn.Signature().Params()
	for i := range params.Len() {
		if params.At(i) == v {
			return i
		}
	}
	return -1
}
