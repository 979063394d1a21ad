package respond

import (
	"iter"
	"strings"
)

// entityTag is an entity tag (RFC 9110, section 8.8.3).
type entityTag struct {
	opaque string // with its quotes
	weak   bool
}

func (t entityTag) String() string {
	if t.weak {
		return "W/" + t.opaque
	}
	return t.opaque
}

func (t entityTag) equalStrong(o entityTag) bool { return t == o && !t.weak }
func (t entityTag) equalWeak(o entityTag) bool   { return t.opaque == o.opaque }

// entityTag returns the tag of v, which must not be empty.
func (v Validators) entityTag() entityTag {
	return entityTag{`"` + escapeTag(v.Tag) + `"`, v.Weak}
}

// matches reports whether the fields name the state of v: by a tag that is equal
// to its own, or by an asterisk if the resource exists. The tags behind a malformed
// one are not read.
func (v Validators) matches(fields []string, equal func(t, o entityTag) bool) bool {
	switch {
	case len(fields) == 0:
		return false
	case isAnyTag(fields):
		return v.exists()
	case v.Tag == "":
		return false
	}
	tag := v.entityTag()
	for t, ok := range entityTags(fields) {
		if ok && equal(t, tag) {
			return true
		}
	}
	return false
}

// isAnyTag reports whether the fields are an asterisk, which matches any state.
func isAnyTag(fields []string) bool {
	return len(fields) == 1 && strings.Trim(fields[0], " \t") == "*"
}

// isTagList reports whether the fields are a list of at least one entity tag, and
// nothing else.
func isTagList(fields []string) (found bool) {
	for _, ok := range entityTags(fields) {
		if !ok {
			return false
		}
		found = true
	}
	return found
}

// maxTags is how many bytes of a list of entity tags are read.
const maxTags = 8 << 10

// entityTags iterates over the tags of a list. It ends with false at the first malformed
// member, behind which tags cannot be separated, or at the field with which the list
// becomes longer than maxTags.
func entityTags(fields []string) iter.Seq2[entityTag, bool] {
	return func(yield func(entityTag, bool) bool) {
		budget := maxTags
		for _, field := range fields {
			if budget -= len(field); budget < 0 {
				yield(entityTag{}, false)
				return
			}
			for field != "" {
				t, rest, ok := cutTag(field)
				if !ok {
					yield(entityTag{}, false)
					return
				}
				if t.opaque != "" && !yield(t, true) {
					return
				}
				field = rest
			}
		}
	}
}

// cutTag cuts the first member off a list of entity tags. The tag is zero for an
// empty member.
func cutTag(list string) (t entityTag, rest string, ok bool) {
	list, weak := strings.CutPrefix(strings.TrimLeft(list, " \t"), "W/")
	if list == "" || !weak && list[0] == ',' {
		return t, strings.TrimPrefix(list, ","), !weak
	}
	if list[0] != '"' {
		return t, "", false
	}
	end := 1
	for end < len(list) && isTagByte(list[end]) {
		end++
	}
	if end == len(list) || list[end] != '"' {
		return t, "", false
	}
	opaque, rest := list[:end+1], strings.TrimLeft(list[end+1:], " \t")
	if rest != "" && rest[0] != ',' {
		return t, "", false
	}
	return entityTag{opaque, weak}, strings.TrimPrefix(rest, ","), true
}

func isTagByte(c byte) bool { return c == '!' || c >= '#' && c != 0x7f }

// escapeTag percent-encodes the bytes that a tag cannot have, and the percent
// sign, so that different tags stay different.
func escapeTag(s string) string {
	return percentEncode(s, func(c byte) bool { return !isTagByte(c) || c == '%' || c >= 0x80 })
}
