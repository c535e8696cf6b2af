package envoy

import (
	"errors"
	"io"
	"maps"
)

// Decoder reads the admin output of one proxy. Its methods may be called in any order and
// any number of times; everything read adds to one Proxy. A method that returns an error has
// kept what it read before the error. A Decoder is not safe for concurrent use; decoders of
// many proxies may share one Interner.
type Decoder struct {
	in       *Interner
	proxy    *Proxy
	loaded   map[loadedKey]bool
	seen     Kind // what the input being read turned out to be
	foreign  *NotReadError
	resource string         // the list that items without a section belong to
	sections map[string]int // how often each section was met in one input
	stray    bool           // the input has content that was not recognised
}

// NewDecoder returns a decoder for one proxy. A nil Interner stands for a private one.
func NewDecoder(in *Interner) *Decoder {
	if in == nil {
		in = NewInterner()
	}
	return &Decoder{in: in, proxy: &Proxy{}, loaded: map[loadedKey]bool{}}
}

// ConfigDump reads /config_dump in any of its forms: whole, masked, by resource, one section,
// or what istioctl proxy-config prints of it. The error is a *CutError when the input ends or
// is malformed before its end, and a *NotReadError when it is something else or of an API
// that is too old. An empty dump is no error: Proxy.Read tells what was there.
func (d *Decoder) ConfigDump(r io.Reader) error { return d.read(r, KindConfigDump) }

// ConfigResource reads /config_dump?resource=name. Envoy prints active and warming items
// alike, so that only the name of the request tells their state.
func (d *Decoder) ConfigResource(name string, r io.Reader) error {
	d.resource = name
	d.proxy.Read |= lists[name].section
	err := d.read(r, KindConfigDump)
	d.resource = ""
	return err
}

// Clusters reads /clusters, as JSON or as text. Errors are as in ConfigDump.
func (d *Decoder) Clusters(r io.Reader) error { return d.read(r, KindClusters) }

// Certs reads /certs. Errors are as in ConfigDump.
func (d *Decoder) Certs(r io.Reader) error { return d.read(r, KindCerts) }

// Stats reads /stats as JSON, as plain text or in the Prometheus format. Names stay as they
// are printed, Prometheus labels included. Errors are as in ConfigDump.
func (d *Decoder) Stats(r io.Reader) error { return d.read(r, KindStats) }

// ServerInfo reads /server_info. Errors are as in ConfigDump.
func (d *Decoder) ServerInfo(r io.Reader) error { return d.read(r, KindServerInfo) }

// Proxy finishes and returns what was read so far. Reading may go on after it.
func (d *Decoder) Proxy() *Proxy {
	p := d.proxy
	p.Node.fillFromID()
	p.Read &^= p.Cut
	for _, c := range p.Clusters {
		if c.ServiceName == "" {
			c.ServiceName = c.Name
		}
	}
	return p
}

// read reads one input that should be of the kind want.
func (d *Decoder) read(src io.Reader, want Kind) error {
	err := d.readAny(src)
	if err != nil {
		d.noteCut(err, want)
		return err
	}
	switch {
	case d.seen == want:
		return nil
	case d.seen == "" && !d.stray: // proto3 JSON of a message without content is {}
		d.proxy.Read |= whole[want]
		return nil
	}
	return unexpected(d.seen, want)
}

// noteCut records which section an input broke off in, so that it does not count as read.
func (d *Decoder) noteCut(err error, want Kind) {
	var cut *CutError
	if !errors.As(err, &cut) {
		return
	}
	d.proxy.Cut |= whole[want] | lists[cut.Section].section | dumps[cut.Section]
	if want == KindConfigDump && d.resource != "" {
		d.proxy.Cut |= lists[d.resource].section
	}
}

// whole are the kinds of input that are one section.
var whole = map[Kind]Sections{
	KindClusters: SectionHosts,
	KindCerts:    SectionCerts,
	KindStats:    SectionStats,
}

// readAny reads one input of any kind. The kind is in d.seen afterwards.
func (d *Decoder) readAny(src io.Reader) error {
	d.seen, d.foreign, d.stray, d.sections = "", nil, false, map[string]int{}
	body, form := sniff(src)
	if err := form.refused(); err != nil {
		return err
	}
	if form == formJSON {
		return d.readJSON(body)
	}
	return d.readText(body, form)
}

func (d *Decoder) readJSON(src io.Reader) error {
	r := newReader(src, d.in)
	d.documents(r)
	d.keepNotes(r)
	switch {
	case r.err != nil:
		return r.err
	case r.v2 || d.proxy.API == "v2":
		d.proxy.dropConfig()
		return tooOld(d.proxy)
	case d.foreign != nil && (d.seen == "" || d.seen == KindZtunnel):
		return d.foreign
	case d.several():
		*d.proxy = Proxy{} // a mixture would be judged as one proxy
		return severalProxies()
	}
	return nil
}

func (d *Decoder) keepNotes(r *reader) {
	if len(r.notes) == 0 {
		return
	}
	if d.proxy.Unmodelled == nil {
		d.proxy.Unmodelled = map[string]int{}
	}
	for path, count := range maps.All(r.notes) {
		d.proxy.Unmodelled[path] += count
	}
}

// several reports that the input held a section more than once.
func (d *Decoder) several() bool {
	for _, count := range d.sections {
		if count > 1 {
			return true
		}
	}
	return false
}

// see records what the input is: the first kind that is found counts.
func (d *Decoder) see(kind Kind) {
	if d.seen == "" {
		d.seen = kind
	}
}
