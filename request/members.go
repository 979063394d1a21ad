package request

import (
	"reflect"
	"strings"
	"sync"
)

// members has, for each struct type that was asked for, what membersOf made of
// it. Types come from the program, so there are only so many.
var members sync.Map

// membersOf returns the JSON names of a struct and the types to read them into,
// as encoding/json finds them; nil for the type means anything.
func membersOf(t reflect.Type) map[string]reflect.Type {
	if m, ok := members.Load(t); ok {
		return m.(map[string]reflect.Type)
	}
	found := make(map[string]member)
	collect(t, 0, found, map[reflect.Type]bool{})
	m := make(map[string]reflect.Type, len(found))
	for name, f := range found {
		m[name] = f.typ
	}
	members.Store(t, m)
	return m
}

type member struct {
	typ   reflect.Type
	depth int
}

// collect adds the members of t. Of two with the same name the outer one is
// read. Of two at the same depth encoding/json reads the tagged one or none;
// here both are known, and of whatever type, since that is a slip of the
// program and not of a client.
func collect(t reflect.Type, depth int, found map[string]member, within map[reflect.Type]bool) {
	if within[t] {
		return // a struct that embeds itself
	}
	within[t] = true
	defer delete(within, t)
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		if tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		typ := f.Type
		if f.Anonymous && name == "" {
			embedded := typ
			if embedded.Kind() == reflect.Pointer {
				embedded = embedded.Elem()
			}
			if embedded.Kind() == reflect.Struct {
				collect(embedded, depth+1, found, within)
				continue
			}
		}
		if !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		if strings.Contains(","+options+",", ",string,") {
			typ = nil // a number in a string
		}
		switch before, ok := found[name]; {
		case !ok || depth < before.depth:
			found[name] = member{typ, depth}
		case depth == before.depth:
			found[name] = member{nil, depth}
		}
	}
}
