package envoy

// Interner makes equal values one value: transport sockets, certificates and strings that
// thousands of clusters and proxies repeat. It is shared by all proxies of a run and is safe
// for concurrent use. What it hands out must not be modified.
type Interner struct{}

// NewInterner returns an empty Interner.
func NewInterner() *Interner { return &Interner{} }
