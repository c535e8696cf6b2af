// Package oracle asks istiod's own code, in this process and without a server, what a set of
// resources leads to, and compares the product with it.
//
// [Start] lets istiod's config generation (istio.io/istio/pilot/test/xds) read a [Case], Kubernetes
// and Istio resources, and gives each sidecar its listeners, clusters, endpoints and routes. Two
// comparisons stand on it, over meshes that [Generate] makes from a seed:
//
//   - [Istiod.ComparePolicies] compares pkg/policy with the config: what each port accepts
//     (ForWorkload), what each cluster's transport is (Effective, ExpectedClient), which endpoints
//     bear the mark tlsMode istio (MarksEndpoint).
//   - [Istiod.CompareReplay] writes the config as Envoy's config dump would show it, hands it to
//     pkg/bundle as a capture, lets pkg/handshake replay every connection, and compares that with
//     istiod's model of Envoy (istio.io/istio/pilot/pkg/simulation): for each client, service port
//     and endpoint the client's cluster, its transport socket, the server's filter chain, and what
//     comes of it.
//
// A difference is shrunk ([Shrink]) and written to testdata/regress, which a fast test replays.
// testdata/mutant holds, for each misreading that a test knows, the smallest mesh on which the
// comparison catches it.
//
//	go test .                                              a few hundred meshes
//	go test . -run Differential -cases 10000 -seed 7 -timeout 2h
//	go test . -run Mutants -update                         look for fixtures that are missing
//
// # Where the simulation is wrong, or silent
//
// Envoy is the judge. What follows is made up for in this package (simulate.go, upstreams.go) or
// does not show, because istiod does not write such config:
//
//	simulation                                            Envoy
//	has no transport socket of the client                 cluster.proto, transport_socket_matches: read here
//	has no certificates                                   both sides verify: not compared
//	names no cluster where several share the traffic      all of them take some: read here
//	takes one ALPN                                        the first of the client's list that a chain names
//	keeps the SNI where no TLS inspector reads it         there is none
//	takes a prefix of length 0 for one that never fits    it fits every address, and least specifically
//	calls two chains that fit an error                    a listener with two equal matches is rejected
//	lets "*" win over a domain "prefix*"                  route_components.proto, VirtualHost.domains: last
//	compares domains by case                              it does not
//	looks at paths alone                                  headers and queries too
//	knows no listener but virtualInbound on the server    use_original_dst prefers one of that address
//	accepts TLS at a chain without TLS and without HTTP   the application gets it: added here
//	demands the certificate "default" of every TLS chain  a chain may have another: Sidecar ingress with tls
//
// # What is not covered
//
// Certificates and subject alternative names; AuthorizationPolicies; gateways (one east-west gateway
// has a test of its own), waypoints and ambient; DNS proxying and addresses that istiod allots; several
// clusters, networks, revisions and address families; capture (annotations of the pods); EnvoyFilters
// and ProxyConfigs; Sidecar ports of their own (bind, captureMode, tls); routes by path or header. The
// fake store does not filter by revision.
package oracle
