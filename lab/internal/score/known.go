package score

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Known is one thing that the product does not get right yet, and why.
type Known struct {
	Scenario string `json:"scenario"`
	// What is how the line of the score begins: "pair shop/client -> …", "cause MTD…", "finding MTD…".
	What   string `json:"what"`
	Reason string `json:"reason"`
}

// LoadKnown reads the list; a file that is not there is an empty one.
func LoadKnown(name string) ([]Known, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []Known
	if err := yaml.UnmarshalStrict(text, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, k := range list {
		if k.Scenario == "" || k.What == "" || k.Reason == "" {
			return nil, fmt.Errorf("%s: an entry lacks scenario, what or reason: %+v", name, k)
		}
	}
	return list, nil
}

// Excuse takes out of the wrongs of a scenario those that are known. An entry that excuses
// nothing is a wrong of its own: the product gets it right, so that the entry has to go.
func Excuse(scenario string, wrongs []string, list []Known) (left []string, known int) {
	left = slices.Clone(wrongs)
	for _, k := range list {
		if k.Scenario != scenario {
			continue
		}
		before := len(left)
		left = slices.DeleteFunc(left, func(w string) bool { return strings.HasPrefix(w, k.What) })
		if len(left) == before {
			left = append(left, fmt.Sprintf("known.yaml: %q is right now: remove the entry", k.What))
		}
		known += before - len(left)
	}
	return left, known
}
