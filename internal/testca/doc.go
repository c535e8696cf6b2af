// Package testca mints certificates for tests: roots, intermediates and
// leaves, in memory, sound or with exactly one defect.
//
//	ca := testca.New(at)                                // a root, sound at that moment
//	leaf := ca.Leaf("shop/server")                      // spiffe://cluster.local/ns/shop/sa/server
//	old := ca.Leaf("shop/server", testca.Expired(at))   // ended at that moment
//	sub := ca.Intermediate()
//	bare := sub.Leaf("shop/server", testca.MissingIntermediate())
//
// What a CA mints depends on nothing but the seed, the name and the options:
// the same calls give the same bytes in every run (RSA keys excepted, which
// are made once per root and size). A CA may be used by several goroutines.
//
// [Fixtures] lists one chain for every defect, with the word that pkg/certs
// has for it.
package testca
