// Package bundle keeps evidence on disk.
package bundle
