package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// Index holds resources by API group, kind, namespace and name. The zero value is empty.
type Index struct{ resources map[key][]resource }

// key tells apart kinds of one name, such as Istio's Gateway and that of the Gateway API.
type key struct {
	group string
	kube.Ref
}

// keyOf is the key of a resource. One that leaves its apiVersion out, as findings do, is of the group that the product reads;
// of a kind that it does not read every group will do.
func keyOf(apiVersion string, ref kube.Ref) key {
	kind, known := kube.KindNamed(ref.Kind)
	switch {
	case !known:
		return key{"", ref}
	case apiVersion == "":
		return key{kind.Group, ref}
	}
	return key{kube.GroupOf(apiVersion), ref}
}

// resource is one declaration of a resource.
type resource struct {
	file string
	node *yaml.Node
}

// Place is a line of a file, counted from 1.
type Place struct {
	File string
	Line int
}

// Add takes in the resources of a file of YAML documents, or of JSON. A List stands for its items, and what is no
// resource is passed over. An error says that the text is no YAML, as that of a template; documents before it count.
func (x *Index) Add(file string, text []byte) error {
	d := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var doc yaml.Node
		switch err := d.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", file, err)
		}
		if len(doc.Content) > 0 {
			x.add(file, doc.Content[0])
		}
	}
}

// Empty reports that it holds no resource.
func (x *Index) Empty() bool { return len(x.resources) == 0 }

func (x *Index) add(file string, n *yaml.Node) {
	if _, items := child(n, "items"); items != nil && items.Kind == yaml.SequenceNode {
		for _, item := range items.Content {
			x.add(file, item)
		}
		return
	}
	ref := kube.Ref{Kind: text(n, "kind"), Namespace: text(n, "metadata", "namespace"), Name: text(n, "metadata", "name")}
	if ref.Kind == "" || ref.Name == "" {
		return
	}
	if x.resources == nil {
		x.resources = map[key][]resource{}
	}
	k := keyOf(text(n, "apiVersion"), ref)
	x.resources[k] = append(x.resources[k], resource{file, n})
}

// text is the scalar at a path; "" when there is none.
func text(n *yaml.Node, path ...string) string {
	for _, step := range path {
		if _, n = child(n, step); n == nil {
			return ""
		}
	}
	return n.Value
}

// Find is the line of a field of a resource, "spec.trafficPolicy.tls.mode", or of the deepest part of it that the file
// has: a patch holds only what it changes, and what is missing has no line. A file that leaves the namespace to kubectl
// or to Kustomize counts like one that names it. False means that no file has the resource, or that several have as much of
// it, and which of them is applied cannot be told.
func (x *Index) Find(ref kube.Ref, field string) (Place, bool) {
	declared := x.resources[keyOf("", ref)]
	if ref.Namespace != "" {
		declared = slices.Concat(declared, x.resources[keyOf("", kube.Ref{Kind: ref.Kind, Name: ref.Name})])
	}
	var best Place
	deepest, found := -1, false
	for _, r := range declared {
		switch line, depth := follow(r.node, steps(field)); {
		case depth > deepest:
			best, deepest, found = Place{r.file, line}, depth, true
		case depth == deepest:
			found = false
		}
	}
	return best, found
}
