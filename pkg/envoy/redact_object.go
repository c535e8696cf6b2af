package envoy

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// object copies an object member by member. In pairs such as
//
//	{"key": "authorization", "value": "Bearer …"}
//	{"name": "x-api-key", "string_match": {"exact": "…"}}
//
// the first member says whether the second is a secret. A second member that comes first is
// held back until the object has said its name, or ends.
func (c *copier) object(at place) error {
	if err := c.copyToken(); err != nil {
		return err
	}
	p := pair{at: at.container()}
	for c.in.PeekKind() != '}' {
		if err := c.member(&p); err != nil {
			return err
		}
	}
	if err := c.release(&p); err != nil {
		return err
	}
	return c.copyToken()
}

// pair is what an object has told about itself so far.
type pair struct {
	at place
	// named: a label was read. secret: one of the labels names a secret.
	named, secret bool
	// typed: the object is an Any, its value is a message.
	typed bool
	held  []heldMember
}

// heldMember is a member whose label has not been read yet.
type heldMember struct {
	name, value jsontext.Value
	rule        nameRule
}

func (c *copier) member(p *pair) error {
	raw, err := c.in.ReadValue()
	if err != nil {
		return err
	}
	rule := c.rule(raw)
	if rule.content && !p.named && !p.typed {
		return c.hold(p, raw, rule)
	}
	if err := c.writeName(raw, rule); err != nil {
		return err
	}
	switch {
	case rule.label && c.in.PeekKind() == '"':
		return c.label(p, rule)
	case rule.anyType:
		p.typed = true
	}
	return c.value(p.inside(rule))
}

// label copies the name of a pair and then what waited for it.
func (c *copier) label(p *pair, rule nameRule) error {
	raw, err := c.in.ReadValue()
	if err != nil {
		return err
	}
	p.named = true
	p.secret = p.secret || labelsSecret(raw)
	if err := c.text(raw, p.inside(rule)); err != nil {
		return err
	}
	return c.release(p)
}

// labelsSecret is namesSecret of a JSON string. Most labels of a dump are names of clusters and hosts.
func labelsSecret(raw jsontext.Value) bool {
	return !bytes.ContainsAny(raw, "|:") && namesSecret(unquote(raw))
}

func (c *copier) hold(p *pair, name jsontext.Value, rule nameRule) error {
	m := heldMember{name: name.Clone(), rule: rule}
	value, err := c.in.ReadValue()
	m.value = value.Clone()
	p.held = append(p.held, m)
	return err
}

// release writes the members that were held back.
func (c *copier) release(p *pair) error {
	for _, m := range p.held {
		if err := c.writeName(m.name, m.rule); err != nil {
			return err
		}
		if err := c.again(m.value, p.inside(m.rule)); err != nil {
			return err
		}
	}
	p.held = p.held[:0]
	return nil
}

// again copies a value that was read before.
func (c *copier) again(raw jsontext.Value, at place) error {
	if kind := raw.Kind(); kind != '{' && kind != '[' {
		return c.scalar(raw, at)
	}
	in := c.in
	defer func() { c.in = in }()
	c.in = jsontext.NewDecoder(bytes.NewReader(raw), copyOptions()...)
	return c.value(at)
}

// inside is the place of a member with this rule.
func (p *pair) inside(rule nameRule) place {
	at := rule.place
	at.jwk = at.jwk || p.at.jwk
	switch {
	case p.at.mode == deep && !rule.harmless:
		at.mode, at.numbers = deep, p.at.numbers
	case rule.content && p.secret,
		rule.inline && p.at.mode != public,
		rule.private && p.at.jwk,
		rule.label && p.at.credential:
		at.mode = deep
	case at.mode == shallow && p.at.labels:
		at.mode = public
	}
	if p.at.mode != deep {
		at.keep = nil
	}
	return at
}

// container is the place of a value that turned out to be no string: it cannot be a path.
func (at place) container() place {
	if at.keep != nil {
		at.mode, at.keep = deep, nil
	}
	return at
}

// writeName copies a member's name, which might hold a key like any other string.
func (c *copier) writeName(raw jsontext.Value, rule nameRule) error {
	if rule.plain {
		return c.out.WriteValue(raw)
	}
	return c.text(raw, place{})
}
