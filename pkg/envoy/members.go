package envoy

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// member is a member of a document that holds admin output.
type member struct {
	kind jsontext.Kind
	do   func(d *Decoder, r *reader)
}

// members are the members by which a document is recognised, besides the lists of sections.
var members = map[string]member{
	"configs":              {'[', (*Decoder).configs},
	"bootstrap":            {'{', (*Decoder).bareBootstrap},
	"cluster_statuses":     {'[', (*Decoder).clusterStatuses},
	"certificates":         {'[', (*Decoder).certificates},
	"stats":                {'[', (*Decoder).stats},
	"command_line_options": {'{', (*Decoder).commandLine},
	"version":              {'"', (*Decoder).version},
	"node":                 {'{', (*Decoder).serverNode},
}

func (d *Decoder) configs(r *reader) {
	d.see(KindConfigDump)
	r.section = "configs"
	r.list(func() { d.config(r) })
}

func (d *Decoder) bareBootstrap(r *reader) {
	d.see(KindConfigDump)
	d.sectionField(r, []byte("bootstrap"))
}

func (d *Decoder) clusterStatuses(r *reader) {
	d.see(KindClusters)
	d.proxy.Read |= SectionHosts
	r.section = "cluster_statuses"
	r.list(func() { d.clusterStatus(r, r.object) })
}

func (d *Decoder) certificates(r *reader) {
	r.section = "certificates"
	r.list(func() { d.loadedPair(r, r.object) })
	if d.foreign == nil {
		d.see(KindCerts)
		d.proxy.Read |= SectionCerts
	}
}

// commandLine marks a document as /server_info; nothing in it decides a verdict.
func (d *Decoder) commandLine(r *reader) {
	d.see(KindServerInfo)
	d.proxy.Read |= SectionServerInfo
	r.skip()
}

// version reads server_info's "commit/1.40.0/Clean/RELEASE/BoringSSL".
func (d *Decoder) version(r *reader) {
	if v := r.str(); strings.Count(v, "/") >= 3 {
		setOnce(&d.proxy.Version, versionOf(v))
	}
}

// serverNode reads the node of /server_info, which is that of the bootstrap.
func (d *Decoder) serverNode(r *reader) { r.node(d.proxy) }
