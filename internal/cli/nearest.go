package cli

// nearest returns the word that a mistyped one was probably meant to be, or "".
func nearest(typed string, words []string) string {
	best, limit := "", 1+len(typed)/4
	for _, w := range words {
		if d := distance(typed, w); d <= limit {
			best, limit = w, d-1
		}
	}
	return best
}

// distance is the number of letters to change, add or drop (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
