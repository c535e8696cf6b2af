package probe

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"strings"
)

const adminTypes = "type.googleapis.com/envoy.admin.v3."

// section is one section of the config dump: one member of a bundle.
type section struct {
	name string // the member is config_dump-<name>.json
	typ  string // of the whole section, without adminTypes
	// resources are its repeated fields, asked one by one (resource=).
	resources []string
	params    string // more parameters
	// masks are the ways to ask for a section without repeated fields, best first.
	masks []string
}

// sections are what decides a handshake. No mask is put on them: a mask is a list of what is
// wanted, it would hide the fields that nobody foresaw, and all it saves of the clusters is a
// fifth. What is left out is most of the bootstrap (a list of every extension that is linked
// into Envoy) and the static routes and endpoints, which the listeners and clusters hold too.
var sections = []section{
	{name: "listeners", typ: "ListenersConfigDump", resources: []string{"dynamic_listeners", "static_listeners"}},
	{name: "clusters", typ: "ClustersConfigDump", resources: []string{"dynamic_active_clusters", "dynamic_warming_clusters", "static_clusters"}},
	{name: "secrets", typ: "SecretsConfigDump", resources: []string{"dynamic_active_secrets", "dynamic_warming_secrets", "static_secrets"}},
	{name: "endpoints", typ: "EndpointsConfigDump", resources: []string{"dynamic_endpoint_configs"}, params: "&include_eds"},
	{name: "routes", typ: "RoutesConfigDump", resources: []string{"dynamic_route_configs"}},
	{name: "bootstrap", typ: "BootstrapConfigDump", masks: []string{strings.Join(nodeFields, ","), "bootstrap.node"}},
}

// nodeFields are those of the node without its extensions, which are 100 KB. A mask with a field
// that an Envoy does not know is refused as a whole; then all of the node is asked for.
var nodeFields = []string{
	"bootstrap.node.id", "bootstrap.node.cluster", "bootstrap.node.metadata", "bootstrap.node.locality",
	"bootstrap.node.user_agent_name", "bootstrap.node.user_agent_build_version",
}

func (s section) paths() []string {
	var paths []string
	for _, r := range s.resources {
		paths = append(paths, "config_dump?resource="+r+s.params)
	}
	for _, m := range s.masks {
		paths = append(paths, "config_dump?mask="+m)
	}
	return paths
}

// dump copies one section as {"configs":[{"@type":…,"dynamic_listeners":[…],…}]}: the form of a
// whole dump, so that a section that is empty differs from one that was not read.
type dump struct {
	section
	admin admin
	first *answer // to the first resource that is known
	next  int     // index of the resource after it

	// whole is set when the answer turned out to be the whole dump, because the admin interface
	// does not know resource=; all sections are in it.
	whole bool
	// version is set when the node told Envoy's version.
	version bool
}

// openSection asks for the first resource, so that a section that can not be had is known
// before there is a member.
func openSection(ctx context.Context, a admin, s section) (*dump, error) {
	d := &dump{section: s, admin: a}
	var err error
	for _, path := range s.paths() {
		d.next++
		if d.first, err = ask(ctx, a, path); !refusedParameter(err) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	d.whole = len(s.resources) > 0 && strings.HasSuffix(d.first.typ(), "ConfigDump")
	return d, nil
}

// writeTo writes the section. After an error the output is cut where the answer was.
func (d *dump) writeTo(ctx context.Context, w *bufio.Writer) error {
	switch {
	case d.whole:
		return d.writeConfigs(w, func(string) bool { return true })
	case len(d.resources) == 0:
		return d.writeConfigs(w, func(typ string) bool { return strings.HasSuffix(typ, d.typ) })
	}
	fmt.Fprintf(w, `{"configs":[{"@type":%q`, adminTypes+d.typ)
	if err := d.writeField(w, d.next-1, d.first); err != nil {
		return err
	}
	for i, path := range d.paths()[d.next:] {
		a, err := ask(ctx, d.admin, path)
		if refusedParameter(err) {
			continue // an Envoy that has no such resource
		}
		if err != nil {
			return err
		}
		if err := d.writeField(w, d.next+i, a); err != nil {
			return err
		}
	}
	_, err := w.WriteString("}]}\n")
	return err
}

// writeField writes the resources of one answer.
func (d *dump) writeField(w *bufio.Writer, i int, a *answer) error {
	fmt.Fprintf(w, `,%q:[`, d.resources[i])
	sep := ""
	if err := a.each(func(_ string, item []byte) {
		w.WriteString(sep)         //nolint:errcheck // bufio keeps the error
		w.Write(withoutType(item)) //nolint:errcheck // as above
		sep = ",\n"
	}); err != nil {
		return err
	}
	return w.WriteByte(']')
}

// writeConfigs writes those sections of a whole dump that are wanted.
func (d *dump) writeConfigs(w *bufio.Writer, want func(typ string) bool) error {
	w.WriteString(`{"configs":[`) //nolint:errcheck // bufio keeps the error
	sep := ""
	if err := d.first.each(func(typ string, item []byte) {
		if !want(typ) {
			return
		}
		d.version = d.version || bytes.Contains(item, []byte("user_agent_build_version"))
		w.WriteString(sep) //nolint:errcheck // as above
		w.Write(item)      //nolint:errcheck // as above
		sep = ",\n"
	}); err != nil {
		return err
	}
	_, err := w.WriteString("]}\n")
	return err
}
