// Package envoy turns the output of Envoy's admin interface into a small typed model:
// listeners and their filter chains, clusters, endpoints, routes, secrets, what was rejected,
// and the counters that exist.
//
// The model keeps what decides a TLS handshake and drops the rest. What it does not
// understand inside a TLS-relevant message is named (Unmodelled), never silently dropped:
// a verdict that would depend on it is "unknown".
//
// The schema is go-control-plane's; the decoder is our own because a large proxy's dump is
// tens of megabytes. A differential test reads every recorded dump both ways.
package envoy
