package scenario

import (
	"fmt"
	"strconv"
	"strings"
)

// Share is a share of a list by turns: "1/2" is every second one from the first on. The steps of a scenario stay together,
// in their order. A share that holds nothing is an error.
func Share(list []Scenario, which string) ([]Scenario, error) {
	part, parts, _ := strings.Cut(which, "/")
	i, err := strconv.Atoi(part)
	n, err2 := strconv.Atoi(parts)
	if err != nil || err2 != nil || i < 1 || i > n {
		return nil, fmt.Errorf("%q is no share: write 1/2 and 2/2 for two halves", which)
	}
	var out []Scenario
	turn := 0
	for _, s := range list {
		if turn%n == i-1 {
			out = append(out, s)
		}
		if !s.Continued {
			turn++
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("share %s of %d scenarios is none", which, len(list))
	}
	return out, nil
}
