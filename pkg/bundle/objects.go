package bundle

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"sigs.k8s.io/yaml"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// maxObject bounds one YAML object, which is held whole; etcd holds objects up to 1.5 MB.
const maxObject = 8 << 20

func startsJSON(br *bufio.Reader) bool {
	head, _ := br.Peek(512)
	head = bytes.TrimLeft(head, " \t\r\n")
	return len(head) > 0 && (head[0] == '{' || head[0] == '[')
}

// eachJSON calls f for every object of a JSON list or array, or for the one object there is.
func eachJSON(r io.Reader, f func([]byte) error) (items int, err error) {
	err = eachJSONObject(r, func(raw []byte) error { items++; return f(raw) })
	return items, err
}

func eachJSONObject(r io.Reader, f func([]byte) error) error {
	d := jsontext.NewDecoder(r, jsontext.AllowDuplicateNames(true))
	if d.PeekKind() == '[' {
		return eachElement(d, f)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	single := map[string]jsontext.Value{}
	list := false
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		if key := name.String(); key == "items" {
			list = true
			err = eachElement(d, f)
		} else {
			var v jsontext.Value
			v, err = d.ReadValue()
			single[key] = v.Clone()
		}
		if err != nil {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil || list {
		return err
	}
	raw, err := json.Marshal(single)
	return errors.Join(err, f(raw))
}

func eachElement(d *jsontext.Decoder, f func([]byte) error) error {
	if d.PeekKind() == 'n' {
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	var bad error
	for d.PeekKind() != ']' {
		raw, err := d.ReadValue()
		if err != nil {
			return err
		}
		if err := f(raw); err != nil && bad == nil {
			bad = err
		}
	}
	_, err := d.ReadToken()
	return errors.Join(bad, err)
}

// eachYAML calls f with the JSON of every object in a stream of YAML, one document or list after
// another, as kubectl and oc write them: the items of a list begin in the first column or two
// further. It holds one object at a time and skips the kinds that are not read, because a YAML
// parser needs seconds for a cluster's resources. A list must have an end, which kubectl gives
// it ("kind: List" after the items); a list without one was cut.
//
// items counts all objects, also those of kinds that are not read.
func eachYAML(r io.Reader, f func([]byte) error) (items int, err error) {
	s := &yamlSplitter{emit: f}
	br := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := br.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return s.items, errors.Join(s.bad, err)
		}
		if e := s.line(line); e != nil {
			return s.items, errors.Join(s.bad, e)
		}
		if err != nil {
			return s.items, errors.Join(s.end(), s.bad)
		}
	}
}

// yamlSplitter cuts a stream of YAML into objects by its indentation.
type yamlSplitter struct {
	emit   func([]byte) error
	items  int
	object bytes.Buffer
	inList bool
	closed bool   // the list has ended
	dash   string // the indentation of the list's items, with the dash: "- "
	bad    error  // the first object that could not be read
}

var (
	errLongObject = fmt.Errorf("an object is larger than %d MB", maxObject>>20)
	errCutList    = errors.New("the list has no end: the file was cut")
)

func (s *yamlSplitter) line(line string) error {
	text := strings.TrimRight(line, "\r\n")
	switch {
	case text == "---":
		return s.end()
	case s.inList && s.dash == "" && strings.HasPrefix(strings.TrimLeft(text, " "), "- "):
		s.dash = text[:strings.Index(text, "- ")+2]
		fallthrough
	case s.inList && !s.closed && s.dash != "" && strings.HasPrefix(text, s.dash):
		s.flush()
		line = strings.Repeat(" ", len(s.dash)) + line[len(s.dash):]
	case s.inList && text != "" && text[0] != ' ' && text[0] != '-':
		s.flush()
		s.closed = true
	case !s.inList && (text == "items:" || text == "items: []"):
		s.object.Reset()
		s.inList, s.closed = true, text == "items: []"
		return nil
	}
	if s.closed {
		return nil
	}
	if s.object.Len()+len(line) > maxObject {
		return errLongObject
	}
	s.object.WriteString(line)
	return nil
}

// end finishes a document.
func (s *yamlSplitter) end() error {
	var err error
	if s.inList && !s.closed {
		err = errCutList
	} else {
		s.flush()
	}
	s.object.Reset()
	s.inList, s.closed, s.dash = false, false, ""
	return err
}

// flush hands on the object that was gathered.
func (s *yamlSplitter) flush() {
	text := s.object.Bytes()
	defer s.object.Reset()
	if len(bytes.TrimSpace(text)) == 0 {
		return
	}
	s.items++
	if !s.wanted(text) {
		return
	}
	raw, err := yaml.YAMLToJSON(text)
	if err == nil {
		err = s.emit(raw)
	}
	if err != nil && s.bad == nil {
		s.bad = err
	}
}

// wanted looks for the object's kind without parsing it; an object without one is wanted.
func (s *yamlSplitter) wanted(text []byte) bool {
	mark := []byte("\n" + strings.Repeat(" ", len(s.dash)) + "kind: ")
	_, after, found := bytes.Cut(append([]byte("\n"), text...), mark)
	if !found {
		return true
	}
	name, _, _ := bytes.Cut(after, []byte("\n"))
	return readKind(strings.Trim(string(name), "\r\"' "))
}

// readKind reports whether resources of a kind of that name are read.
func readKind(name string) bool {
	for _, k := range kube.Kinds() {
		if k.Name == name {
			return true
		}
	}
	return false
}

func hasKind(raw []byte) bool {
	var head struct {
		Kind string `json:"kind"`
	}
	return json.Unmarshal(raw, &head) == nil && head.Kind != ""
}
