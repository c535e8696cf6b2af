package envoy

import (
	"fmt"
	"strings"
)

// bootstrap reads a bootstrap.v3.Bootstrap down to the node; the rest comes as clusters and
// listeners again.
func (r *reader) bootstrap(p *Proxy) {
	r.object(func(key []byte) {
		switch string(key) {
		case "node":
			r.node(p)
		case "bootstrap": // Istio 0.8 keeps sections by name
			r.bootstrap(p)
		default:
			r.skip()
		}
	})
}

func (r *reader) node(p *Proxy) {
	n := &p.Node
	r.object(func(key []byte) {
		switch string(key) {
		case "id":
			n.ID = r.str()
		case "cluster":
			n.Cluster = r.str()
		case "metadata":
			r.entries(func(key string) { r.metadataEntry(n, key) })
		case "user_agent_build_version":
			r.buildVersion(p)
		case "build_version": // before Envoy 1.13, and below a prefix until 1.17
			setOnce(&p.Version, versionOf(r.str()))
		default:
			r.skip()
		}
	})
}

func (r *reader) metadataEntry(n *Node, key string) {
	fields := map[string]*string{
		"ISTIO_VERSION": &n.IstioVersion, "NAMESPACE": &n.Namespace, "NAME": &n.Name,
		"SERVICE_ACCOUNT": &n.ServiceAccount, "OWNER": &n.Owner, "CLUSTER_ID": &n.ClusterID,
		"MESH_ID": &n.MeshID, "NETWORK": &n.Network, "INTERCEPTION_MODE": &n.Interception,
		"TRUST_DOMAIN": &n.TrustDomain,
	}
	if field := fields[key]; field != nil {
		*field = r.str()
		return
	}
	switch key {
	case "LABELS", "ANNOTATIONS":
		m := map[string]string{}
		r.entries(func(key string) { m[key] = string(r.scalar()) })
		if key == "LABELS" {
			n.Labels = m
		}
		setOnce(&n.Revision, m["istio.io/rev"])
	case "CONFIG_NAMESPACE": // Istio up to 1.4
		setOnce(&n.Namespace, r.str())
	case "POD_NAME":
		setOnce(&n.Name, r.str())
	default:
		r.skip()
	}
}

func setOnce(dst *string, value string) {
	if *dst == "" {
		*dst = value
	}
}

// buildVersion reads a core.v3.BuildVersion. proto3 JSON leaves out a zero patch.
func (r *reader) buildVersion(p *Proxy) {
	r.object(func(key []byte) {
		if string(key) != "version" {
			r.skip()
			return
		}
		var major, minor, patch uint32
		r.object(func(key []byte) {
			switch string(key) {
			case "major_number":
				major = r.u32()
			case "minor_number":
				minor = r.u32()
			case "patch":
				patch = r.u32()
			default:
				r.skip()
			}
		})
		if r.err == nil {
			p.Version = fmt.Sprintf("%d.%d.%d", major, minor, patch)
		}
	})
}

// versionOf takes the number out of "commit/1.40.0/Clean/RELEASE/BoringSSL".
func versionOf(build string) string {
	parts := strings.Split(build, "/")
	if len(parts) < 2 {
		return ""
	}
	return parts[1]
}

// fillFromID sets what an Istio node ID, "sidecar~10.0.0.1~pod.ns~ns.svc.…", says and the
// metadata did not.
func (n *Node) fillFromID() {
	parts := strings.Split(n.ID, "~")
	if len(parts) != 4 {
		return
	}
	n.Type = parts[0]
	if dot := strings.LastIndexByte(parts[2], '.'); dot > 0 {
		setOnce(&n.Name, parts[2][:dot])
		setOnce(&n.Namespace, parts[2][dot+1:])
	}
}
