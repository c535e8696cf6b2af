package bundle

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Collector takes each member of a live reading once and hands the same bytes, redacted, to
// the evidence and to the file, if there is one. What a later --from reads is therefore what
// the live run judged. It is safe for concurrent use.
type Collector struct {
	a *Assembler
	w *Writer

	mu   sync.Mutex
	gaps []mesh.Gap
}

// NewCollector returns a collector. A nil writer means that nothing is kept.
func NewCollector(w *Writer) *Collector { return &Collector{a: NewAssembler(), w: w} }

// Add streams one member (see Assembler.Add for the paths). The member is never held whole.
// When r fails in the middle, what came before is kept in both places and a gap about the cut
// member arises by itself; a gap with the reason that the caller adds for the same subject and
// stage takes its place.
//
// One proxy may have several config dumps (of different queries): their names begin with
// config_dump: "proxies/shop/client-1/config_dump-clusters.json". The same holds for stats.
// The members of one proxy are to be added one after the other.
func (c *Collector) Add(path string, r io.Reader) error {
	m := classify(path)
	return c.tee(m.path, func(w io.Writer) error { return copyMember(m, w, r) })
}

// tee lets fill write one member, to the evidence and to the file at once.
func (c *Collector) tee(path string, fill func(io.Writer) error) error {
	pr, pw := io.Pipe()
	decoded := make(chan error, 1)
	go func() {
		err := c.a.Add(path, pr)
		_, _ = io.Copy(io.Discard, pr) // the file gets all, also what was not decoded; a pipe has no error here
		decoded <- err
	}()
	err := c.write(path, pw, fill)
	// A reader of the file will meet a plain end where this member was cut, and so does the evidence.
	_ = pw.Close() // never fails
	return errors.Join(err, <-decoded)
}

func (c *Collector) write(path string, evidence io.Writer, fill func(io.Writer) error) error {
	if c.w == nil {
		return fill(evidence)
	}
	return c.w.write(path, func(file io.Writer) error { return fill(io.MultiWriter(file, evidence)) })
}

// Pager fetches one page of a list in the API server's JSON: the first for "", then the one of
// a continue token.
type Pager func(continueToken string) (io.ReadCloser, error)

// AddList reads a list by pages and makes one member of them, "kubernetes/<id>.json". Several
// pagers (one a namespace) are joined. If a page fails, the rest of its pager is left out, the
// list counts as incomplete, and the error is returned. If not one page could be read, there is
// no member: the caller adds ListGap with the reason.
func (c *Collector) AddList(id string, pagers ...Pager) error {
	kind, ok := kube.KindByID(id)
	if !ok {
		return errors.New(id + ": not a kind that bundles hold")
	}
	first, rest, err := firstPage(pagers)
	if first == nil {
		return err
	}
	return c.tee("kubernetes/"+kind.ID()+".json", func(w io.Writer) error {
		l, lerr := newListWriter(id, w)
		if lerr != nil {
			return errors.Join(lerr, first.Close())
		}
		for _, next := range rest {
			err = errors.Join(err, l.pages(next))
		}
		return errors.Join(err, l.end(err == nil))
	})
}

// firstPage opens the first page that can be had, and returns it with the pagers still to be
// read, of which the first begins with that page.
func firstPage(pagers []Pager) (first io.Closer, rest []Pager, err error) {
	for i, next := range pagers {
		page, e := next("")
		if e != nil {
			err = errors.Join(err, e)
			continue
		}
		opened := func(token string) (io.ReadCloser, error) {
			if token == "" {
				return page, nil
			}
			return next(token)
		}
		return page, slices.Concat([]Pager{opened}, pagers[i+1:]), err
	}
	return nil, nil, err
}

// pages copies all pages of one pager.
func (l *listWriter) pages(next Pager) error {
	for token := ""; ; {
		page, err := next(token)
		if err != nil {
			return err
		}
		token, err = l.page(page)
		if err = errors.Join(err, page.Close()); err != nil || token == "" {
			return err
		}
	}
}

// Gap records evidence that could not be read; it goes into the manifest.
func (c *Collector) Gap(g mesh.Gap) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gaps = append(c.gaps, g)
}

// Close writes the manifest, finishes the file and returns the evidence. The gaps given to Gap
// are added to the manifest's.
func (c *Collector) Close(m Manifest) (*mesh.Evidence, error) {
	c.mu.Lock()
	m.Gaps = slices.Concat(m.Gaps, c.gaps)
	c.mu.Unlock()
	slices.SortStableFunc(m.Gaps, mesh.Gap.Compare)
	m.Gaps = slices.Compact(m.Gaps)
	var text bytes.Buffer
	err := m.Write(&text)
	if err == nil {
		err = c.Add("manifest.json", &text)
	}
	if err != nil {
		c.Abort()
		return nil, err
	}
	if c.w != nil {
		if err := c.w.Close(); err != nil {
			return nil, err
		}
	}
	return c.a.Evidence()
}

// Abort leaves no file behind. It does nothing after Close.
func (c *Collector) Abort() {
	if c.w != nil {
		c.w.Abort()
	}
}
