// Package probe reads evidence from a live cluster: resources through the API server's lists,
// and what each Envoy runs through a port-forward to its admin interface.
//
// # What is read
//
// Lists are fetched as pages of raw JSON and handed to the sink as they are, so that a bundle
// and a live run are the same bytes. They cover all namespaces where the user may list them,
// because edges cross namespaces; where that is forbidden they cover the namespaces in scope and
// Istio's own. No Secret is ever listed, and of the ConfigMaps only Istio's mesh config and the
// root certificates that it publishes.
//
// # Which proxies are read
//
// Every proxy in scope is read. An edge has two ends, and unless a Sidecar resource says
// otherwise every proxy of a mesh knows every service: the other end of the edges of one
// namespace is the rest of the mesh. It is read too, up to Options.MaxPeers, one replica of
// every workload first, then the second replicas, and so on; a pod beyond the bound is named in
// a gap of stage "out-of-scope", so that its edges are unknown and never guessed from a sibling:
// replicas differ exactly when something is wrong. ztunnel and proxyless gRPC pods have no Envoy
// to ask; a gap says so.
//
// # What a proxy is asked
//
// One port-forward a proxy (WebSocket, else SPDY), one HTTP connection over its streams, no local
// listening port. The config dump is asked by resource= and mask=, one member a section, and put
// back into the shape of a whole dump; sections answered empty are there and empty, those not
// answered are absent. Envoy makes a dump on its main thread, so few proxies are asked at a time
// and nothing is asked twice. An Envoy that ignores resource= answers with the whole dump, which
// is then taken as it is.
//
// # What may fail
//
// An API server that can not be reached, credentials that it refuses and a namespace that does
// not exist are errors (ErrUnreachable, ErrUnauthorized, ErrNoNamespace): there is nothing to
// report. All else is a gap of the evidence, and what can be read is read.
//
// deploy/rbac.yaml holds the permissions that this needs. Where pods/portforward is not granted,
// Options.UseExec allows pods/exec of "pilot-agent request" instead; nothing else is executed.
package probe
