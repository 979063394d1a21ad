// Command mutation breaks the code of this module on purpose, and lists what no
// test notices.
//
//	go run ./internal/mutation -time 30m exchange decoder limiter
//
// A mutant is one change: a condition is negated, an operand of && or || is
// dropped, < becomes <=, a bound or a time becomes twice as big, one side of min or
// max is taken, or a statement is left out, which may be a return or a defer. All
// mutants of all packages are compiled once, by an overlay, with a switch for each;
// an environment variable turns one on. A first run of each test by itself learns which mutants
// it reaches, so that only those tests run that can notice one. A test that fails counts if it
// passes without the mutant right afterwards. One that hangs is known by the time of
// a core that it takes, so that the machine may be busy.
//
// A mutant that survives is a fault of the tests, unless it is equivalent to
// the code: then equivalent.txt has it, with the reason, under a key of the
// package, the function and the expression, which outlives comments. The command fails if
// there is another survivor, or a line in that file that is not one any more.
// REPORT.md has the figures of a dated run.
//
// Not mutated is what only the race detector, or a profile, could notice: calls of
// Lock, and of runtime and debug. It needs no more than one core.
package main
