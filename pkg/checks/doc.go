// Package checks is the catalogue: every way in which mutual TLS breaks that read-only evidence
// can show, one check a file, with its test beside it.
//
// To add one, write mtdNNN_name.go with a variable mtdNNN of type *diagnose.Check and its test,
// then run go generate: catalog_gen.go lists what the files declare. What checks share is in
// three files: blame.go (who is to blame, and what to call it), evidence.go (facts of both
// sides), fix.go and whatif.go (remedies, and whether they heal on paper).
package checks

//go:generate go test -run TestCatalogIsFresh . -update
