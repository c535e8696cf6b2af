// Package report is the product's answer: versioned API types (Report, EdgeList), how they are
// built from a diagnosis, and the forms in which they are shown. Every form is rendered from
// the same Report, so that no form knows more or judges otherwise than another.
//
// Arrays are never null, times are RFC 3339 in UTC, the order is stable, and text that comes
// from a cluster is sanitised before a terminal sees it.
//
// The types have schemas in docs/schema, which are made of them.
package report

//go:generate go test -run ^(TestSchemas|TestAssumptionsPage)$ -update .
