// Package kube holds the Kubernetes and Istio resources that a verdict needs, as small typed
// structs whose JSON is that of the API server.
//
// They are our own because the API machinery's types reach the network packages, hold twenty
// times what is needed, and would tie a recorded bundle to one API version: the same struct
// reads security.istio.io/v1 and v1beta1. Both the live probe and the bundle reader decode
// into them through Resources, so that the two can not differ.
package kube
