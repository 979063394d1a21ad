package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// binary mutates && and ||, and comparisons.
func (m *mutator) binary(n *ast.BinaryExpr) {
	switch n.Op {
	case token.LAND, token.LOR:
		m.done[n.X], m.done[n.Y] = true, true
	case token.EQL, token.NEQ:
		if !m.done[n] {
			m.condition(n)
		}
	}
	switch n.Op {
	case token.LAND:
		for _, operand := range operands(n) {
			m.around(operand, fmt.Sprintf("(mutantOn(%d) || ", m.add(operand, "drop from &&")), ")")
		}
	case token.LOR:
		for _, operand := range operands(n) {
			m.around(operand, fmt.Sprintf("(!mutantOn(%d) && (", m.add(operand, "drop from ||")), "))")
		}
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		m.order(n)
	}
}

// operands returns those of && or || that are not of the same operator again: in
// a && b && c the first of two is a && b.
func operands(n *ast.BinaryExpr) (all []ast.Expr) {
	for _, operand := range []ast.Expr{n.X, n.Y} {
		if b, ok := operand.(*ast.BinaryExpr); !ok || b.Op != n.Op {
			all = append(all, operand)
		}
	}
	return all
}

var orders = map[token.Token]string{token.LSS: "LSS", token.LEQ: "LEQ", token.GTR: "GTR", token.GEQ: "GEQ"}

// order turns a < b into a <= b, and back, and makes a constant bigger.
func (m *mutator) order(n *ast.BinaryExpr) {
	m.done[n.X], m.done[n.Y] = true, true
	before := fmt.Sprintf("mutant%s(%d, ", orders[n.Op], m.add(n, "move the boundary of"))
	switch {
	case m.isBound(n.X):
		before = fmt.Sprintf("mutantBigX(%d, mutant%s, %s", m.add(n.X, "double the bound"), orders[n.Op], strings.TrimPrefix(before, "mutant"+orders[n.Op]+"("))
	case m.isBound(n.Y):
		before = fmt.Sprintf("mutantBigY(%d, mutant%s, %s", m.add(n.Y, "double the bound"), orders[n.Op], strings.TrimPrefix(before, "mutant"+orders[n.Op]+"("))
	}
	m.around(n, before, ")")
	m.edits = append(m.edits, edit{at: m.offset(n.OpPos), text: ",", skip: len(n.Op.String())})
}

// isBound reports whether e is a number above 0, or a constant of the package.
func (m *mutator) isBound(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Kind == token.INT && e.Value != "0"
	case *ast.Ident:
		return m.consts[e.Name] != other
	}
	return false
}

// call takes either operand of min and max.
func (m *mutator) call(n *ast.CallExpr) {
	if id, ok := n.Fun.(*ast.Ident); !ok || id.Name != "min" && id.Name != "max" || len(n.Args) != 2 {
		return
	}
	for _, arg := range n.Args {
		m.around(n, fmt.Sprintf("mutantPick(%d, ", m.add(n, "take "+m.plain(arg)+" of")), ", "+m.text(arg)+")")
	}
}

// statements leaves statements out, but for the last return of a function:
// nothing follows it.
func (m *mutator) statements(list []ast.Stmt) {
	for _, s := range list {
		if s != m.funcs[len(m.funcs)-1].last && m.mayDrop(s) {
			m.around(s, fmt.Sprintf("if !mutantOn(%d) { ", m.add(s, "drop")), " }")
		}
	}
}

func (m *mutator) mayDrop(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.AssignStmt:
		_, calls := s.Rhs[0].(*ast.CallExpr)
		return s.Tok != token.DEFINE && (m.text(s.Lhs[0]) != "_" || calls)
	case *ast.IncDecStmt, *ast.SendStmt, *ast.ReturnStmt:
		return true
	case *ast.DeferStmt:
		return m.mayDropCall(s.Call)
	case *ast.ExprStmt:
		call, ok := s.X.(*ast.CallExpr)
		return !ok || m.mayDropCall(call)
	case *ast.BranchStmt:
		return s.Tok == token.BREAK || s.Tok == token.CONTINUE
	}
	return false
}

// mayDropCall reports whether a test can notice that a call is missing: of a lock
// only the race detector can, or a test that hangs.
func (m *mutator) mayDropCall(c *ast.CallExpr) bool {
	name := m.text(c.Fun)
	for _, suffix := range []string{".Lock", ".RLock", ".Unlock", ".RUnlock"} {
		if strings.HasSuffix(name, suffix) {
			return false
		}
	}
	return true
}

// switches is the file that each package with mutants gets.
const switches = `package %s

import (
	"os"
	"strconv"
	"sync/atomic"
)

var mutantNow, _ = strconv.Atoi(os.Getenv("MUTANT"))

var mutantReached = func() *os.File {
	if name := os.Getenv("MUTANT_REACHED"); name != "" {
		f, _ := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		return f
	}
	return nil
}()

var mutantSeen [20000]atomic.Bool

func mutantOn(id int) bool {
	if mutantReached != nil && mutantSeen[id].CompareAndSwap(false, true) {
		mutantReached.WriteString(strconv.Itoa(id) + "\n")
	}
	return id == mutantNow
}

type mutantNumber interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

type mutantOrdered interface{ mutantNumber | ~string }

func mutantLSS[T mutantOrdered](id int, a, b T) bool { return a < b || a == b && mutantOn(id) }
func mutantLEQ[T mutantOrdered](id int, a, b T) bool { return a < b || a == b && !mutantOn(id) }
func mutantGTR[T mutantOrdered](id int, a, b T) bool { return a > b || a == b && mutantOn(id) }
func mutantGEQ[T mutantOrdered](id int, a, b T) bool { return a > b || a == b && !mutantOn(id) }

func mutantBigX[T mutantNumber](big int, order func(int, T, T) bool, id int, a, b T) bool {
	return order(id, mutantBig(big, a), b)
}

func mutantBigY[T mutantNumber](big int, order func(int, T, T) bool, id int, a, b T) bool {
	return order(id, a, mutantBig(big, b))
}

func mutantBig[T mutantNumber](id int, v T) T {
	if mutantOn(id) {
		return 2*v + 1
	}
	return v
}

func mutantPick[T any](id int, v, other T) T {
	if mutantOn(id) {
		return other
	}
	return v
}
`
