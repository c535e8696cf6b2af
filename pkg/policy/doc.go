// Package policy answers two questions from the resources alone, as istiod answers them: which
// mutual TLS a workload's port accepts (PeerAuthentication), and which TLS a client's proxy
// uses towards a host, port and subset (DestinationRule). Every answer carries its derivation:
// the resource and field that decided, and the resources that lost, and why.
//
// What is copied is behaviour, of istiod 1.31, and each rule names the file of istio/istio
// that it was read in. Proxies may disagree, because a push was rejected, an EnvoyFilter
// patched the result or istiod is older: the proxy is right, and the disagreement is a finding.
//
// Out of scope: ambient (ztunnel and waypoints, HBONE), policies that istiod makes out of
// Gateway API backend policies, and client certificates in proxy metadata (TLS_CLIENT_*).
package policy
