// Package policy has no code: its tests hold the rules of the project that a
// compiler cannot, such as which package may import which. ARCHITECTURE.md
// says why each rule is there.
package policy
