package analyzers

import (
	"go/ast"
	"go/token"
	"go/types"
	"net/textproto"
	"strings"
)

// Required reports responses without a header field that their status code requires. A client
// cannot react to a 401 without a challenge, for example.
var Required = check("required",
	`report responses without a header field that their status code requires

A 401 needs WWW-Authenticate, a 405 Allow, a 426 Upgrade, a redirect Location, and a 206
or 416 Content-Range (RFC 9110). The flag notes adds the recommended Retry-After of a 429
and a 503.`, runRequired)

var requiredNotes bool

func init() {
	Required.Flags.BoolVar(&requiredNotes, "notes", false, "also report 429 and 503 without Retry-After")
}

// need is the header field that a status code requires.
type need struct {
	field, consequence, instead string
	note                        bool
}

var needs = map[int]need{
	401: {"WWW-Authenticate", "is not told how to authenticate", `w.Header().Set("WWW-Authenticate", ...)`, false},
	405: {"Allow", "is not told which methods are allowed", `w.Header().Set("Allow", ...)`, false},
	426: {"Upgrade", "is not told which protocol to use", `w.Header().Set("Upgrade", ...)`, false},
	301: {"Location", "is not told where to go", "http.Redirect", false},
	302: {"Location", "is not told where to go", "http.Redirect", false},
	303: {"Location", "is not told where to go", "http.Redirect", false},
	307: {"Location", "is not told where to go", "http.Redirect", false},
	308: {"Location", "is not told where to go", "http.Redirect", false},
	206: {"Content-Range", "cannot tell which part it received", `w.Header().Set("Content-Range", ...), or call http.ServeContent`, false},
	416: {"Content-Range", "is not told how long the representation is", `w.Header().Set("Content-Range", "bytes */...")`, false},
	429: {"Retry-After", "is not told when to try again", `w.Header().Set("Retry-After", ...)`, true},
	503: {"Retry-After", "is not told when to try again", `w.Header().Set("Retry-After", ...)`, true},
}

// optionOf is the option of package problem that sets a header field.
var optionOf = map[string]string{
	"WWW-Authenticate": "Challenge", "Allow": "Allow", "Upgrade": "Upgrade", "Retry-After": "RetryAfter",
}

func runRequired(r *reporter) {
	mentioned := r.mentionedFields()
	r.eachEvent(func(u *unit, e *event) {
		c := e.code
		n, ok := needs[c.value]
		if !ok || !c.known || c.at == nil && knownFuncs[e.known].fixed == 0 || e.w == nil || !e.act.has(actStatus) || n.note && !requiredNotes {
			return
		}
		if strings.HasSuffix(e.known, ".Redirect") || e.before.sent || r.hasOption(e, n.field) {
			return
		}
		if !isHandler(u) && mentioned[n.field] {
			return // it may be set by the caller
		}
		if f := r.fieldsBefore(u.scope(), e.call.Pos()); f.any || f.names[n.field] || c.value == 206 && f.multipart {
			return
		}
		instead := n.instead
		if option := optionOf[n.field]; option != "" && strings.HasPrefix(e.known, respondPath) {
			instead = "problem." + option + "(...) as an option"
		}
		r.found(e.call, nil, "the client of this %d %s, since the response has no %s: add %s before", c.value, n.consequence, n.field, instead)
	})
}

// scope returns the function declaration around a unit. It may set header fields outside the function
// literal that responds.
func (u *unit) scope() ast.Node {
	if u.decl != nil && u.decl.Pos() <= u.node.Pos() && u.node.End() <= u.decl.End() {
		return u.decl
	}
	return u.node
}

// isHandler reports whether a unit has the parameters of an http.HandlerFunc.
func isHandler(u *unit) bool {
	var types []string
	for _, field := range u.ftype.Params.List {
		for range max(1, len(field.Names)) {
			types = append(types, typeName(field.Type))
		}
	}
	return len(types) == 2 && types[0] == "ResponseWriter" && types[1] == "Request"
}

// typeName returns the last name of a type expression.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// mentionedFields returns the header fields whose names are constant strings in the package.
func (r *reporter) mentionedFields() map[string]bool {
	mentioned := map[string]bool{}
	for e, tv := range r.TypesInfo.Types {
		if tv.Value == nil || !types.Identical(tv.Type.Underlying(), types.Typ[types.String]) && tv.Type != types.Typ[types.UntypedString] {
			continue
		}
		if s, ok := r.constString(e); ok {
			mentioned[textproto.CanonicalMIMEHeaderKey(s)] = true
		}
	}
	for _, n := range needs {
		mentioned[n.field] = mentioned[n.field] || mentioned[textproto.CanonicalMIMEHeaderKey(n.field)]
	}
	return mentioned
}

// hasOption reports whether an option of respond.Error may set a header field.
func (r *reporter) hasOption(e *event, field string) bool {
	if !strings.HasPrefix(e.known, respondPath) {
		return false
	}
	if e.call.Ellipsis.IsValid() {
		return true
	}
	for i, arg := range e.call.Args {
		if i < 2 || !strings.HasSuffix(e.known, ".Error") {
			continue
		}
		call, ok := ast.Unparen(arg).(*ast.CallExpr)
		if !ok {
			return true
		}
		switch name := strings.TrimPrefix(r.knownName(call), problemPath+"."); name {
		case optionOf[field], "Header":
			return true
		case "Detail", "Detailf", "Cause", "Title", "Extension", "Instance", "Errors", "Challenge", "Allow", "Upgrade", "RetryAfter":
		default:
			return true
		}
	}
	return false
}

// fields are the header fields that a piece of code may set.
type fields struct {
	names     map[string]bool
	any       bool
	multipart bool // the response may be multipart/byteranges
}

// fieldsIn returns the header fields that the code in a node may set.
func (p *program) fieldsIn(node ast.Node) fields { return p.fieldsBefore(node, node.End()) }

// fieldsBefore is like fieldsIn, but ignores calls of unknown functions after a position.
func (p *program) fieldsBefore(node ast.Node, before token.Pos) fields {
	f := fields{names: map[string]bool{}}
	ast.Inspect(node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			p.fieldsOfCall(&f, n, before)
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if index, ok := ast.Unparen(left).(*ast.IndexExpr); ok && p.isHeader(index.X) {
					f.add(p, index.Index)
				}
			}
		case *ast.BasicLit:
			f.multipart = f.multipart || strings.Contains(n.Value, "multipart/byteranges")
		}
		return true
	})
	return f
}

func (f *fields) add(p *program, key ast.Expr) {
	name, ok := p.constString(key)
	if !ok {
		f.any = true
		return
	}
	name = textproto.CanonicalMIMEHeaderKey(name)
	if name == "Www-Authenticate" {
		name = "WWW-Authenticate"
	}
	f.names[name] = true
}

func (p *program) isHeader(e ast.Expr) bool {
	return isNamed(p.pass.TypesInfo.TypeOf(e), "net/http", "Header")
}

func (p *program) fieldsOfCall(f *fields, call *ast.CallExpr, before token.Pos) {
	name := p.knownName(call)
	switch {
	case name == "net/http.Header.Set" || name == "net/http.Header.Add":
		if len(call.Args) > 0 {
			f.add(p, call.Args[0])
		}
		return
	case strings.HasPrefix(name, "net/http.") || strings.HasPrefix(name, respondPath) || p.pass.TypesInfo.Types[call.Fun].IsType():
		return
	}
	for _, arg := range call.Args {
		switch {
		case call.Pos() < before && p.isHeader(arg) && p.headerOf(arg):
			f.any = true
		case p.isWriter(arg):
			p.fieldsOfHelper(f, call, arg, before)
		}
	}
}

// headerOf reports whether an expression may be the header of a response.
func (p *program) headerOf(e ast.Expr) bool {
	call, ok := p.made(e).(*ast.CallExpr)
	if ok {
		return p.knownName(call) == "net/http.ResponseWriter.Header"
	}
	sel, ok := p.made(e).(*ast.SelectorExpr)
	return !ok || sel.Sel.Name != "Header" // r.Header is that of a request
}

func (p *program) fieldsOfHelper(f *fields, call *ast.CallExpr, arg ast.Expr, before token.Pos) {
	fn, fact := p.helper(call)
	switch {
	case fact != nil:
		f.any = f.any || fact.AnyField
		for _, name := range fact.Fields {
			f.names[name] = true
		}
	case fn != nil && fn.Name() == "ServeHTTP": // it responds itself
	case fn == nil || types.IsInterface(recvOf(fn)):
		f.any = f.any || call.Pos() < before
	}
}

// recvOf returns the type of the receiver of a method, or an empty struct.
func recvOf(fn *types.Func) types.Type {
	if recv := fn.Signature().Recv(); recv != nil {
		return recv.Type()
	}
	return types.NewStruct(nil, nil)
}
