package scenario

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// With is the scenario with the objects as its manifest of that name.
func (s Scenario) With(manifest string, objects ...*unstructured.Unstructured) Scenario {
	s.objects = maps.Clone(s.objects)
	if s.objects == nil {
		s.objects = map[string][]*unstructured.Unstructured{}
	}
	s.objects[manifest] = objects
	return s
}

// Save writes the scenario as a folder of dir that has its name, from which Load reads it.
func (s Scenario) Save(dir string) error {
	folder := filepath.Join(dir, s.Name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	text, err := yaml.Marshal(s)
	if err != nil {
		return fmt.Errorf("scenario %s: %w", s.Name, err)
	}
	files := map[string][]byte{file: text}
	for name, objects := range s.objects {
		if files[name], err = manifests(objects); err != nil {
			return fmt.Errorf("scenario %s: %w", s.Name, err)
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func manifests(objects []*unstructured.Unstructured) ([]byte, error) {
	var all bytes.Buffer
	for i, o := range objects {
		text, err := yaml.Marshal(o.Object)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", o.GetKind(), o.GetName(), err)
		}
		if i > 0 {
			all.WriteString("---\n")
		}
		all.Write(text)
	}
	return all.Bytes(), nil
}
