package envoy

import (
	"io"
)

// Decoder reads the admin output of one proxy. Its methods may be called in any order and
// any number of times; everything read adds to one Proxy. A method that returns an error has
// kept what it read before the error. A Decoder is not safe for concurrent use; decoders of
// many proxies may share one Interner.
type Decoder struct {
	in    *Interner
	proxy *Proxy
}

// NewDecoder returns a decoder for one proxy. A nil Interner stands for a private one.
func NewDecoder(in *Interner) *Decoder {
	if in == nil {
		in = NewInterner()
	}
	return &Decoder{in: in, proxy: &Proxy{}}
}

// ConfigDump reads /config_dump in any of its forms: whole, masked, by resource, one section,
// or what istioctl proxy-config prints of it.
func (d *Decoder) ConfigDump(r io.Reader) error { return nil }

// Clusters reads /clusters, as JSON or as text.
func (d *Decoder) Clusters(r io.Reader) error { return nil }

// Certs reads /certs.
func (d *Decoder) Certs(r io.Reader) error { return nil }

// Stats reads /stats as JSON, as plain text or in the Prometheus format.
func (d *Decoder) Stats(r io.Reader) error { return nil }

// ServerInfo reads /server_info.
func (d *Decoder) ServerInfo(r io.Reader) error { return nil }

// Proxy finishes and returns what was read so far.
func (d *Decoder) Proxy() *Proxy { return d.proxy }
