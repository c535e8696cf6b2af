package probe

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// answer is an answer of /config_dump, {"configs":[…]} or {}, read item by item.
type answer struct {
	body io.ReadCloser
	json *jsontext.Decoder
	// more says that the array of items was begun and not yet ended.
	more  bool
	first []byte // the first item, nil when there is none
}

// ask asks for a config dump and reads up to its first item.
func ask(ctx context.Context, from admin, path string) (*answer, error) {
	body, err := from.get(ctx, path)
	if err != nil {
		return nil, err
	}
	const window = 64 << 10
	a := &answer{body: body, json: jsontext.NewDecoder(bufio.NewReaderSize(body, window),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	if err := a.begin(); err != nil {
		return nil, errors.Join(fmt.Errorf("/%s: %w", path, err), body.Close())
	}
	return a, nil
}

func (a *answer) begin() error {
	if err := a.expect('{'); err != nil {
		return err
	}
	switch a.json.PeekKind() {
	case '}':
		return nil
	case '"':
		name, err := a.json.ReadToken()
		if err != nil || name.String() != "configs" {
			return cut(errors.Join(err, errors.New("not a config dump")))
		}
	}
	if err := a.expect('['); err != nil {
		return err
	}
	a.more = true
	if a.json.PeekKind() == ']' {
		return nil
	}
	item, err := a.json.ReadValue()
	a.first = bytes.Clone(item)
	return cut(err)
}

// each gives all items with their types, and closes the answer. The items are valid only while
// f runs.
func (a *answer) each(f func(typ string, item []byte)) error {
	defer a.body.Close() //nolint:errcheck // read to its end or given up
	if a.first != nil {
		f(itemType(a.first))
		a.first = nil
	}
	for a.more && a.json.PeekKind() != ']' {
		item, err := a.json.ReadValue()
		if err != nil {
			return cut(err)
		}
		f(itemType(item))
	}
	if a.more {
		if err := a.expect(']'); err != nil {
			return err
		}
	}
	if err := a.expect('}'); err != nil {
		return err
	}
	// The rest, a line feed, frees the connection for the next request.
	_, err := io.Copy(io.Discard, a.body)
	return err
}

// typ is the type of the first item, "" when there is none.
func (a *answer) typ() string {
	typ, _ := itemType(a.first)
	return typ
}

func (a *answer) expect(kind jsontext.Kind) error {
	token, err := a.json.ReadToken()
	if err == nil && token.Kind() != kind {
		err = fmt.Errorf("not a config dump: found %q", token.String())
	}
	return cut(err)
}

// cut makes the end of the input in the middle of a value one kind of error.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// itemType returns the type of an item beside it. Envoy prints "@type" first.
func itemType(item []byte) (string, []byte) {
	typ, _ := splitType(item)
	return typ, item
}

// withoutType is an item without its "@type", which only the section has in a whole dump.
func withoutType(item []byte) []byte {
	typ, end := splitType(item)
	if typ == "" {
		return item
	}
	rest := bytes.TrimLeft(item[end:], " \t\r\n")
	rest = bytes.TrimPrefix(rest, []byte{','})
	return append([]byte{'{'}, rest...)
}

// splitType returns the value of a leading "@type" and the offset behind it.
func splitType(item []byte) (typ string, end int64) {
	d := jsontext.NewDecoder(bytes.NewReader(item), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if open, err := d.ReadToken(); err != nil || open.Kind() != '{' {
		return "", 0
	}
	if name, err := d.ReadToken(); err != nil || name.Kind() != '"' || name.String() != "@type" {
		return "", 0
	}
	value, err := d.ReadToken()
	if err != nil || value.Kind() != '"' {
		return "", 0
	}
	return value.String(), d.InputOffset()
}
