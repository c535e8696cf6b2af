// Package cli is the command line: commands, flags, exit codes and the terminal.
//
// Every command is three things in a file of its own: an Options struct that holds its flags, a
// function newXCmd that makes the cobra command, and a run function that is given the machine
// (Env) and may be called from tests as it is. A command reads evidence, hands it to the pure
// packages, and renders what they say; it judges nothing itself.
//
// The report goes to standard output and nothing else does. Progress, notes and errors go to
// standard error. The exit code (exit.go) does not depend on the form of the output.
//
//go:generate go test -run ^(TestDocsAreFresh|TestExampleTicket)$ . -update
package cli
