package main

import (
	"errors"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// filterJSON copies JSON without spaces and without the members of objects that drop knows by
// the names that lead to them; arrays add no name.
func filterJSON(w io.Writer, r io.Reader, drop func(names []string) bool) error {
	f := &filter{in: jsontext.NewDecoder(r), out: jsontext.NewEncoder(w, jsontext.PreserveRawStrings(true)), drop: drop}
	if err := f.value(nil); err != nil {
		return err
	}
	if _, err := f.in.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

type filter struct {
	in   *jsontext.Decoder
	out  *jsontext.Encoder
	drop func([]string) bool
}

func (f *filter) value(names []string) error {
	switch f.in.PeekKind() {
	case '{':
		return f.object(names)
	case '[':
		return f.array(names)
	}
	raw, err := f.in.ReadValue()
	if err != nil {
		return err
	}
	return f.out.WriteValue(raw)
}

func (f *filter) array(names []string) error {
	if err := f.token(); err != nil {
		return err
	}
	for f.in.PeekKind() != ']' {
		if err := f.value(names); err != nil {
			return err
		}
	}
	return f.token()
}

func (f *filter) object(names []string) error {
	if err := f.token(); err != nil {
		return err
	}
	for f.in.PeekKind() != '}' {
		name, err := f.in.ReadToken()
		if err != nil {
			return err
		}
		below := slices.Concat(names, []string{name.String()})
		if f.drop(below) {
			err = f.in.SkipValue()
		} else if err = f.out.WriteToken(jsontext.String(below[len(below)-1])); err == nil {
			err = f.value(below)
		}
		if err != nil {
			return err
		}
	}
	return f.token()
}

// token copies one token.
func (f *filter) token() error {
	tok, err := f.in.ReadToken()
	if err != nil {
		return err
	}
	return f.out.WriteToken(tok)
}
