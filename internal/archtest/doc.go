// Package archtest keeps the architecture that CONTRIBUTING.md describes. It
// holds tests and nothing else: which package may import which, what may reach
// a network, what every source file owes its reader, what the shipped binary
// may weigh, and what may be committed at all.
//
// When one of them fails, either the change took a short cut or the
// architecture has moved. In the second case the table is edited in the same
// commit, so that the reviewer sees the move.
package archtest
