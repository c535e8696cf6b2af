// Package checks is the catalogue: every way in which mutual TLS breaks that read-only evidence
// can show, one check a file, with its test beside it.
//
// To add one, write mtdNNN_name.go with a variable mtdNNN of type *diagnose.Check and its test,
// then run go generate: catalog_gen.go lists what the files declare, docs/checks has a page for each. What
// checks share is in the files that are named after their topic:
//
//   - who is to blame, and what to call it: blame.go, refs.go, scope.go, expect.go;
//   - what is compared and judged alike by several: differences.go (pods of one workload), ignored.go (policies without
//     effect), awaited.go (secrets that are waited for), outside.go (callers outside the mesh);
//   - what was read: evidence.go, certificates.go, roots.go, accounts.go, listeners.go, ports.go, clock.go;
//   - how a person gets to them: signs.go (from an error message), byhand.go (with kubectl and istioctl);
//   - remedies: fix.go, inject.go, admit.go, the edit files (resources on paper), manifest.go and shell.go (their text);
//   - whether they heal on paper: whatif.go.
package checks

//go:generate go test -run ^TestCatalogIsFresh$ . -update
//go:generate go test -run ^TestPagesAreFresh$ . -update
