package rueidisstore

import "github.com/redis/rueidis"

// What the tests of this package see of a store, besides what users see.

// SlotOf is slotOf.
var SlotOf = slotOf

// UseScript makes s run another script.
func (s *Store) UseScript(text string) { s.script = rueidis.NewLuaScript(text) }
