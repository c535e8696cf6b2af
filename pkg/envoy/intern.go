package envoy

import (
	"hash/maphash"
	"sync"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// Interner makes equal values one value: transport sockets, certificates, matches and strings
// that thousands of clusters and proxies repeat. It is shared by all proxies of a run and is
// safe for concurrent use. What it hands out must not be modified.
type Interner struct {
	seeds [2]maphash.Seed
	mu    sync.RWMutex
	// strings holds short strings; memo what was decoded from bytes seen before;
	// byContent the one value for equal content.
	strings   map[string]string
	memo      map[memoKey]any
	byContent map[any]any
}

// memoKey is 128 bits of a process-random hash: a collision is less likely than a bit flip.
type memoKey struct {
	what      string
	high, low uint64
}

// NewInterner returns an empty Interner.
func NewInterner() *Interner {
	return &Interner{
		seeds:     [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		strings:   map[string]string{},
		memo:      map[memoKey]any{},
		byContent: map[any]any{},
	}
}

// longest is the length up to which strings are worth keeping once.
const longest = 256

func (in *Interner) str(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if len(b) > longest {
		return string(b)
	}
	in.mu.RLock()
	s, ok := in.strings[string(b)]
	in.mu.RUnlock()
	if ok {
		return s
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if s, ok = in.strings[string(b)]; !ok {
		s = string(b)
		in.strings[s] = s
	}
	return s
}

func (in *Interner) key(what string, b []byte) memoKey {
	return memoKey{what, maphash.Bytes(in.seeds[0], b), maphash.Bytes(in.seeds[1], b)}
}

func (in *Interner) recall(key memoKey) (any, bool) {
	in.mu.RLock()
	defer in.mu.RUnlock()
	v, ok := in.memo[key]
	return v, ok
}

// remember keeps v for key unless another goroutine was first; it returns the kept value.
func (in *Interner) remember(key memoKey, v any) any {
	in.mu.Lock()
	defer in.mu.Unlock()
	if have, ok := in.memo[key]; ok {
		return have
	}
	in.memo[key] = v
	return v
}

// memoised is a decoded subtree with what it noted.
type memoised[T any] struct {
	value T
	notes notes
}

// memo decodes the next value, or gives what the same bytes gave before. What decode returns
// must be immutable. A subtree is read once however many clusters and proxies repeat it.
func memo[T any](r *reader, what string, decode func(*reader) T) T {
	raw := r.raw()
	if r.err != nil {
		var zero T
		return zero
	}
	key := r.in.key(what, raw)
	if have, ok := r.in.recall(key); ok {
		m := have.(memoised[T])
		r.noteAll(m.notes)
		return m.value
	}
	sub := r.sub(raw)
	m := memoised[T]{value: decode(sub), notes: sub.notes}
	r.free = sub
	m = r.in.remember(key, m).(memoised[T])
	r.noteAll(m.notes)
	return m.value
}

// same gives one value for equal content: the first that was made for it.
func same[K comparable, T any](in *Interner, content K, build func() T) T {
	in.mu.Lock()
	defer in.mu.Unlock()
	if have, ok := in.byContent[content]; ok {
		return have.(T)
	}
	v := build()
	in.byContent[content] = v
	return v
}

// parsedChain and parsedBundle are results of parsing PEM, errors included.
type parsedChain struct {
	chain certs.Chain
	err   error
}

type parsedBundle struct {
	bundle *certs.Bundle
	err    error
}

// chain parses a certificate chain once for all proxies that hold the same bytes.
func (in *Interner) chain(pem []byte) (certs.Chain, error) {
	key := in.key("chain", pem)
	have, ok := in.recall(key)
	if !ok {
		chain, err := certs.ParseChain(pem)
		have = in.remember(key, parsedChain{chain, err})
	}
	p := have.(parsedChain)
	return p.chain, p.err
}

// bundle parses a trust bundle once for all proxies that hold the same bytes.
func (in *Interner) bundle(pem []byte) (*certs.Bundle, error) {
	key := in.key("bundle", pem)
	have, ok := in.recall(key)
	if !ok {
		bundle, err := certs.ParseBundle(pem)
		have = in.remember(key, parsedBundle{bundle, err})
	}
	p := have.(parsedBundle)
	return p.bundle, p.err
}
