package bundle

import (
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// layout is the tool whose arrangement of files a member follows.
type layout uint8

const (
	noLayout layout = iota
	ours
	bugReport
	mustGather
	dumps
)

// part is what a member holds.
type part uint8

const (
	unknown     part = iota
	manifest         // our manifest
	kubeList         // the list of one kind in JSON
	kubeObjects      // any number of objects, in YAML or JSON
	proxyFile        // admin output of one proxy
	meshConfig       // a mesh config
	istiodStore      // istiod's /debug/configz
	contextName      // bug-report's cluster-context
	kubeVersion      // kubectl version
	toolLog          // bug-report's log, which knows the time
	timestamp        // must-gather's timestamp
	loneDump         // JSON without a known place: perhaps a dump
)

// member is what the path of a file tells.
type member struct {
	path   string
	root   string // what stands before the layout's own folders
	layout layout
	part   part
	// id is a kind's ID for kubeList and kubeObjects (there it may be empty).
	id string
	// pod is the proxy's pod for proxyFile, istiod's for meshConfig and istiodStore.
	pod   kube.Key
	stage string // of proxyFile: the admin endpoint
	rev   string // of meshConfig: the revision, when the path tells it
}

// maxPath bounds the paths of members; Kubernetes names are at most 253 bytes.
const maxPath = 1024

// cleanPath makes a member's path relative and slash separated. It returns "" for a path that
// can not be one of ours.
func cleanPath(p string) string {
	if !utf8.ValidString(p) || len(p) > maxPath || strings.ContainsRune(p, 0) {
		return ""
	}
	return path.Clean("/" + strings.ReplaceAll(p, `\`, "/"))[1:]
}

// classify works out what a member is from its path alone, below any folder.
func classify(p string) member {
	p = cleanPath(p)
	segments := strings.Split(p, "/")
	for i := range segments {
		m := classifyBelow(segments[i], segments[i+1:])
		if m.part != unknown {
			m.path, m.root = p, path.Join(segments[:i]...)
			return m
		}
	}
	m := classifyBase(segments[len(segments)-1])
	m.path, m.root = p, strings.TrimPrefix(path.Dir(p), ".")
	if m.part == loneDump {
		return dumpMember(m, segments)
	}
	return m
}

// dumpMember is a file in a folder of dumps. Files that are called after an admin endpoint belong
// to the proxy that their folder names: <ns>/<pod>/config_dump.json.
func dumpMember(m member, segments []string) member {
	n := len(segments)
	if m.stage = adminStage(segments[n-1]); m.stage == "" {
		return m
	}
	m.part, m.pod = proxyFile, kube.Key{Name: m.stage}
	if n > 1 {
		m.pod.Name = segments[n-2]
	}
	if n > 2 {
		m.pod.Namespace = segments[n-3]
	}
	return m
}

// classifyBelow knows the marker folders.
func classifyBelow(folder string, rest []string) member {
	switch folder {
	case "kubernetes":
		return kubernetesMember(rest)
	case "proxies":
		return proxyMember(rest)
	case "istiod":
		return istiodMember(rest)
	case "cluster":
		return clusterMember(rest)
	case "istio":
		return istioMember(rest)
	case "namespaces":
		return namespaceMember(rest)
	case "cluster-scoped-resources":
		return inspectMember(rest)
	}
	return member{}
}

// classifyBase knows files by their name.
func classifyBase(name string) member {
	switch {
	case name == "manifest.json":
		return member{layout: ours, part: manifest}
	case name == "bug-report.log":
		return member{layout: bugReport, part: toolLog}
	case name == "timestamp":
		return member{layout: mustGather, part: timestamp}
	case strings.HasSuffix(strings.TrimSuffix(name, ".gz"), ".json"):
		return member{layout: dumps, part: loneDump}
	}
	return member{}
}

func kubernetesMember(rest []string) member {
	id, ok := strings.CutSuffix(only(rest), ".json")
	if _, known := kube.KindByID(id); !ok || !known {
		return member{}
	}
	return member{layout: ours, part: kubeList, id: id}
}

// proxyMember is proxies/<ns>/<pod>/<file>: ours with .json, bug-report's without.
func proxyMember(rest []string) member {
	if len(rest) < 3 || !validKey(rest[0], rest[1]) {
		return member{}
	}
	file := strings.Join(rest[2:], "/")
	m := member{layout: bugReport, part: proxyFile, pod: kube.Key{Namespace: rest[0], Name: rest[1]}, stage: adminStage(file)}
	if strings.HasSuffix(file, ".json") {
		m.layout = ours
	}
	if m.stage == "" {
		return member{}
	}
	return m
}

// adminStage is the admin endpoint that a file's name begins with: config_dump.json,
// config_dump?include_eds, config_dump-clusters.json, stats/prometheus.
func adminStage(file string) string {
	for _, s := range []string{StageConfigDump, StageCerts, StageClusters, StageStats, StageServerInfo} {
		if rest, ok := strings.CutPrefix(file, s); ok && (rest == "" || strings.ContainsRune(".-_?/", rune(rest[0]))) {
			return s
		}
	}
	return ""
}

// istiodMember is istiod/mesh.json of the default revision and istiod/mesh-<revision>.json.
func istiodMember(rest []string) member {
	name, ok := strings.CutSuffix(only(rest), ".json")
	if !ok {
		return member{}
	}
	rev, ok := strings.CutPrefix(name, "mesh-")
	if !ok && name == "mesh" {
		rev, ok = "default", true
	}
	if !ok || rev == "" {
		return member{}
	}
	return member{layout: ours, part: meshConfig, rev: rev}
}

func clusterMember(rest []string) member {
	parts := map[string]part{
		"k8s-resources": kubeObjects, "crs": kubeObjects, "cluster-context": contextName, "kubectl-version": kubeVersion,
	}
	return member{layout: bugReport, part: parts[only(rest)]}
}

// istioMember is istio/<ns>/<istiod pod>/debug/<endpoint>.
func istioMember(rest []string) member {
	if len(rest) != 4 || rest[2] != "debug" || !validKey(rest[0], rest[1]) {
		return member{}
	}
	parts := map[string]part{"mesh": meshConfig, "configz": istiodStore}
	return member{layout: bugReport, part: parts[rest[3]], pod: kube.Key{Namespace: rest[0], Name: rest[1]}}
}

// namespaceMember is namespaces/<ns>/…: must-gather's proxies, objects and lists.
func namespaceMember(rest []string) member {
	if len(rest) < 2 || !validKey(rest[0], "x") {
		return member{}
	}
	if len(rest) == 4 && rest[1] == "pods" && validKey(rest[0], rest[2]) {
		stage := map[string]string{"config_dump_proxy.json": StageConfigDump, "proxy_stats": StageStats}[rest[3]]
		if stage != "" {
			return member{layout: mustGather, part: proxyFile, stage: stage, pod: kube.Key{Namespace: rest[0], Name: rest[2]}}
		}
	}
	if len(rest) == 2 && rest[1] == rest[0]+".yaml" {
		return member{layout: mustGather, part: kubeObjects, id: "namespaces.core"}
	}
	return inspectMember(rest[1:])
}

// inspectMember is what `oc adm inspect` writes: <group>/<plural>.yaml with a list, or
// <group>/<plural>/<name>.yaml with one object. Kinds that are not read are left alone.
func inspectMember(rest []string) member {
	if len(rest) != 2 && len(rest) != 3 || !strings.HasSuffix(rest[len(rest)-1], ".yaml") {
		return member{}
	}
	id := strings.TrimSuffix(rest[1], ".yaml") + "." + rest[0]
	if _, ok := kube.KindByID(id); !ok {
		return member{}
	}
	return member{layout: mustGather, part: kubeObjects, id: id}
}

// only returns the only segment, or "" when there are more or none.
func only(rest []string) string {
	if len(rest) != 1 {
		return ""
	}
	return rest[0]
}

// validKey reports whether both names could be Kubernetes names: bounded and without the
// characters that would make a terminal or a path of them.
func validKey(namespace, name string) bool {
	return !slices.ContainsFunc([]string{namespace, name}, func(s string) bool {
		return s == "" || len(s) > 253 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
	})
}
