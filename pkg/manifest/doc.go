// Package manifest finds where resources stand in the YAML files in which people keep them, so that a finding can name
// the line to change. It opens no file: texts are handed to it.
package manifest
