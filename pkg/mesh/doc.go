// Package mesh joins evidence: Kubernetes resources, proxies and policies become workloads,
// their pods and proxies, and the registry of hosts that a client may call.
//
// Evidence is all that is known about a mesh at one moment, wherever it was read. Everything
// built on it is a pure function of it: the same evidence gives the same report, and the time
// of judgement is the evidence's own.
package mesh
