package scenario

import (
	"slices"
	"testing"
)

func TestShare(t *testing.T) {
	list := []Scenario{{Name: "a"}, {Name: "b/1", Continued: true}, {Name: "b/2"}, {Name: "c"}, {Name: "d"}}
	for which, want := range map[string][]string{
		"1/1": {"a", "b/1", "b/2", "c", "d"}, "1/2": {"a", "c"}, "2/2": {"b/1", "b/2", "d"}, "4/4": {"d"},
	} {
		got, err := Share(list, which)
		var names []string
		for _, s := range got {
			names = append(names, s.Name)
		}
		if err != nil || !slices.Equal(names, want) {
			t.Errorf("%s: %v, %v", which, names, err)
		}
	}
	for _, which := range []string{"", "0/2", "3/2", "half", "-1/-2", "1/2x", "1/2/3", "5/5"} {
		if _, err := Share(list, which); err == nil {
			t.Errorf("%q is taken for a share", which)
		}
	}
}
