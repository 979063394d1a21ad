// Package policy has only tests. They check the rules of the project that a compiler cannot
// check, such as which package may import which. ARCHITECTURE.md has the reasons.
package policy
