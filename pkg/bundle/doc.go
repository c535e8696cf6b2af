// Package bundle keeps evidence on disk: it writes and reads the project's own bundles, and reads
// what people already have, the archives of istioctl bug-report and OpenShift must-gather,
// folders of Envoy config dumps, and one config dump.
//
// # One way to evidence
//
// An [Assembler] turns members (a path and its bytes) into evidence. [Open] feeds it from a file,
// a [Collector] from a live reading; the Collector hands the same redacted bytes to the evidence
// and to the [Writer]. A report from a capture is therefore the report of the live run: not by
// care, by construction.
//
// Nothing is extracted and no member is held whole. What can not be read becomes a gap
// (mesh.Gap); only where nothing at all could be read is there an *[Error].
//
// # Layout v1alpha1
//
// A bundle is a folder, a tar or a tar.gz archive, at any depth below other folders, with these
// members. All are optional and in any order; other members are ignored.
//
//	manifest.json
//	kubernetes/<plural>.<group>.json
//	istiod/mesh.json, istiod/mesh-<revision>.json
//	proxies/<namespace>/<pod>/config_dump.json, config_dump-<part>.json
//	proxies/<namespace>/<pod>/certs.json
//	proxies/<namespace>/<pod>/clusters.json
//	proxies/<namespace>/<pod>/stats.json
//	proxies/<namespace>/<pod>/server_info.json
//
// manifest.json is a [Manifest]: apiVersion mtls-doctor.dev/v1alpha1, kind Bundle, capturedAt (the
// clock of every judgement), clusterVersion, istioRootNamespace, namespaces, source, context,
// scope (what the capture was limited to), gaps (what it was refused, with the reason) and
// toolVersion. Without it the time of the newest member stands in, and that is a gap.
//
// kubernetes/<plural>.<group>.json is one list of one kind, "pods.core" for the legacy group, as
// `kubectl get -o json` and the API server write lists. The kinds are those of kube.Kinds. An
// empty list says that there are none; an absent one is a gap. A list whose metadata names a
// continuation is not complete, which is a gap as well.
//
// istiod/mesh.json is the mesh config as istiod's /debug/mesh gives it. Where it is absent the
// ConfigMaps "istio" and "istio-<revision>" of the root namespace stand in.
//
// proxies/<namespace>/<pod>/ holds the answers of one proxy's admin interface in JSON. A config
// dump may be in parts, one a query; a part that is called after a list of the dump
// (config_dump-dynamic_warming_secrets.json) is the answer to ?resource= of that name, which does
// not say of itself what it is. Stats and clusters may be text. A file that is cut is read as far
// as it goes, and that is a gap.
//
// # What a capture leaves out
//
// Secrets never enter. Of the other resources the fields that pkg/kube models are kept, with names,
// labels, annotations (but not kubectl's copy of the whole resource), owners, and of managedFields
// who wrote when. Arguments and environment of app containers are dropped: they hold passwords; of
// the mesh's own containers, the values of variables whose name says that they are secret. Of
// ConfigMaps only the mesh config, without its tracing providers' tokens, and the mesh's root
// certificates are kept. From proxies' answers private keys, session ticket keys, tokens and
// credentials are dropped while they are copied (envoy.Redact). Files have mode 0600.
//
// # Other layouts
//
// bug-report: proxies/<ns>/<pod>/ with names without extension, cluster/k8s-resources and
// cluster/crs (YAML lists), istio/<ns>/<istiod>/debug/{mesh,configz}. An empty crs means nothing
// (bug-report writes one when it is given two namespaces): istiod's own store stands in if it is
// there. The time is that of the last line of its log.
//
// must-gather: namespaces/<ns>/pods/<pod>/config_dump_proxy.json and what `oc adm inspect`
// writes, namespaces/<ns>/<group>/<plural>.yaml or …/<plural>/<name>.yaml. A kind counts as read
// when the archive has a file of it; the scope is the namespaces whose pods are in it. The time
// is that of its timestamp file.
//
// Config dumps: any .json files. A dump's own node says whose it is, else the file's name:
// <namespace>/<pod>.json, <pod>_<namespace>.json, <namespace>/<pod>/config_dump.json. A dump does
// not know when it was taken; it is judged at the last change that a proxy took.
package bundle
