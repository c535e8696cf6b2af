package bundle

import (
	"io"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Collector takes each member of a live reading once and hands the same bytes, redacted, to
// the evidence and to the file, if there is one. What a later --from reads is therefore what
// the live run judged. It is safe for concurrent use.
type Collector struct {
	a *Assembler
	w *Writer
}

// NewCollector returns a collector. A nil writer means that nothing is kept.
func NewCollector(w *Writer) *Collector { return &Collector{a: NewAssembler(), w: w} }

// Add streams one member (see Assembler.Add for the paths). The member is never held whole.
// When r fails in the middle, what came before is kept in both places and a gap about the cut
// member arises by itself; the caller adds one that says why the read failed.
//
// One proxy may have several config dumps (of different queries): their names begin with
// config_dump: "proxies/shop/client-1/config_dump-clusters.json". The same holds for stats.
func (c *Collector) Add(path string, r io.Reader) error { return c.a.Add(path, r) }

// Pager fetches one page of a list: the first for "", then the one of a continue token.
type Pager func(continueToken string) (io.ReadCloser, error)

// AddList reads a list by pages and makes one member of them, "kubernetes/<id>.json". Several
// pagers (one a namespace) are joined. If a page fails, the rest of its pager is left out, the
// list counts as incomplete, and the error is returned. If not one page could be read, there is
// no member: the caller adds ListGap with the reason.
func (c *Collector) AddList(id string, pagers ...Pager) error { return nil }

// Gap records evidence that could not be read; it goes into the manifest.
func (c *Collector) Gap(g mesh.Gap) { c.a.Gap(g) }

// Close writes the manifest, finishes the file and returns the evidence. The manifest's gaps
// are those given to Gap.
func (c *Collector) Close(m Manifest) (*mesh.Evidence, error) { return c.a.Evidence() }

// Abort leaves no file behind. It does nothing after Close.
func (c *Collector) Abort() {}
