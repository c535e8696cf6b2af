package bundle

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// pageReader reads a list, as the API server or kubectl writes it, item by item.
type pageReader struct {
	d    *jsontext.Decoder
	item func(apiVersion string, raw []byte) error

	apiVersion string // the list's, which is its items' unless they say
	next       string
}

var errNoList = errors.New("it is not a list: it has no items")

func (p *pageReader) read() error {
	if err := p.token('{'); err != nil {
		return err
	}
	items := false
	var bad error
	for p.d.PeekKind() == '"' {
		name, err := p.d.ReadToken()
		if err != nil {
			return err
		}
		switch name.String() {
		case "items":
			items = true
			bad, err = p.items()
		case "apiVersion":
			err = json.UnmarshalDecode(p.d, &p.apiVersion)
		case "metadata":
			var m struct {
				Continue string `json:"continue"`
			}
			err = json.UnmarshalDecode(p.d, &m)
			p.next = m.Continue
		default:
			err = p.d.SkipValue()
		}
		if err != nil {
			return err
		}
	}
	if err := p.token('}'); err != nil {
		return err
	}
	if !items {
		return errNoList
	}
	return bad
}

// items returns apart the first item that could not be taken, and what stopped the reading.
func (p *pageReader) items() (bad, err error) {
	if p.d.PeekKind() == 'n' {
		return nil, p.d.SkipValue()
	}
	if err := p.token('['); err != nil {
		return nil, err
	}
	for p.d.PeekKind() != ']' {
		raw, err := p.d.ReadValue()
		if err != nil {
			return bad, err
		}
		if err := p.item(p.versionOf(raw), raw); err != nil && bad == nil {
			bad = err
		}
	}
	return bad, p.token(']')
}

func (p *pageReader) versionOf(raw []byte) string {
	var head struct {
		APIVersion string `json:"apiVersion"`
	}
	if json.Unmarshal(raw, &head) == nil && head.APIVersion != "" {
		return head.APIVersion
	}
	if p.apiVersion == "v1" {
		return "" // kubectl's own List holds any kind
	}
	return p.apiVersion
}

func (p *pageReader) token(kind jsontext.Kind) error {
	tok, err := p.d.ReadToken()
	switch {
	case err != nil:
		return err
	case tok.Kind() != kind:
		return fmt.Errorf("expected %q, found %q", rune(kind), rune(tok.Kind()))
	}
	return nil
}
