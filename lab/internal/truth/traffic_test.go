package truth

import (
	"slices"
	"testing"
)

func TestDiffer(t *testing.T) {
	before := map[string]string{"pods": "[]", "a.shop": "sent 1", "gone.shop": ""}
	after := map[string]string{"pods": "[]", "a.shop": "sent 2", "new.shop": ""}
	if got := differ(before, after); !slices.Equal(got, []string{"a.shop", "gone.shop", "new.shop"}) {
		t.Errorf("moved: %v", got)
	}
	if got := differ(before, before); len(got) != 0 {
		t.Errorf("the same differs: %v", got)
	}
}
