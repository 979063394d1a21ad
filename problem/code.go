package problem

// The codes of what packages problem and request find wrong with a body; see
// [FieldError]. They stay the same from release to release, unlike the words of
// a Detail. An application and its validators have codes of their own beside
// them: words in lower case, joined by underscores.
const (
	CodeUnknown   = "unknown"   // there is no such member
	CodeDuplicate = "duplicate" // the member, or the key that its name stands for, is there more than once
	CodeType      = "type"      // the value is of another type: a string and no number, or 1.5 and no whole number
	CodeRange     = "range"     // the number is too large or too small
	CodeLength    = "length"    // the array has too many elements, or too few
	CodeName      = "name"      // the name cannot be the key of the map, or has half a surrogate pair
	CodeInvalid   = "invalid"   // the value has the right type and cannot be read all the same, such as "13:75" as a time
)
