package envoy

import (
	"bytes"
	"errors"
	"io"

	"sigs.k8s.io/yaml"
)

// readText reads the forms that are not JSON.
func (d *Decoder) readText(src io.Reader, f form) error {
	switch f {
	case formClustersText:
		return d.clustersText(src)
	case formStatsText:
		return d.statsText(src, false)
	case formPrometheus:
		return d.statsText(src, true)
	}
	return d.yaml(src)
}

// maxYAML bounds YAML, which can not be read as a stream and takes many times its size in memory.
const maxYAML = 64 << 20

// ErrTextTooLarge is returned for a text that is neither JSON nor the text of an admin endpoint,
// and too large to be tried as YAML.
var ErrTextTooLarge = errors.New("it is a text of more than 64 MB, and not JSON")

// yaml reads a dump that somebody converted.
func (d *Decoder) yaml(src io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(src, maxYAML+1))
	switch {
	case err != nil:
		return &CutError{Offset: int64(len(text)), Err: err}
	case len(text) > maxYAML:
		return ErrTextTooLarge
	}
	converted, err := yaml.YAMLToJSON(text)
	if err != nil {
		return formUnknown.refused()
	}
	err = d.readJSON(bytes.NewReader(converted))
	if err == nil && d.seen == "" { // any line with a colon is YAML: an error message, for example
		return formUnknown.refused()
	}
	return err
}

// refusals are the forms that hold no admin output.
var refusals = map[form]NotReadError{
	formEmpty:   {"an empty input", "there is nothing in it", "check how it was made: a failed kubectl exec leaves an empty file"},
	formArchive: {"an archive", "this reads one file of one proxy", "give the archive itself to --from"},
	formPEM:     {"a PEM file", "certificates alone say nothing about a proxy", giveDump},
	formUTF16:   {"UTF-16 text", "PowerShell's > writes it so", "write the dump with | Out-File -Encoding utf8"},
	formHTML:    {"an HTML page", "it may be an error page or Envoy's admin page", giveDump},
	formBinary:  {"a binary file", "it is not admin output", giveDump},
	formUnknown: {"text", "it is no admin output: neither a dump in JSON or YAML nor the text of /clusters or /stats", giveDump},
}

func (f form) refused() error {
	if refusal, ok := refusals[f]; ok {
		return &refusal
	}
	return nil
}
