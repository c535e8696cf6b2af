// Package truth finds out what really happens in a scenario: it applies it to a running lab,
// waits until the mesh has converged, proves that the fault is in force, makes a call for every
// client, service port and endpoint, and decides from bytes on the wire (package probe) whether
// each was mutual TLS. It never waits for a result, and keeps every try.
package truth
