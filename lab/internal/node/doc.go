// Package node plays the kubelet of the lab's one node, as honestly as a mesh can tell.
//
// Every pod of the API server is bound to the node, gets a network namespace and an address,
// its volumes (tokens, ConfigMaps, Secrets, downward API), its init containers in order, native
// sidecars first, then its containers as processes; probes are made from the node's address;
// status, restarts, deletion with grace and the kubelet's own API (logs, exec, port-forward)
// are as in Kubernetes' documentation, pages "Pod Lifecycle" and "Sidecar Containers".
//
// What it leaves out: images (a container runs the lab's build of the program that the image
// is known for, or the lab's app), resources, preStop hooks, host paths, and node heartbeats.
package node
