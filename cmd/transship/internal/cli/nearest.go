package cli

import "strings"

// Nearest returns the word that was most likely meant, or "": the one with the least edit distance,
// which is two at most, or else the first that begins with what was typed.
func Nearest(typed string, words []string) string {
	best, least := "", 3
	for _, word := range words {
		d := distance(typed, word)
		sameStart := typed != "" && word != "" && typed[0] == word[0]
		if d < least && (sameStart || d < len(typed)) {
			best, least = word, d
		}
	}
	if best != "" || len(typed) < 2 {
		return best
	}
	for _, word := range words {
		if strings.HasPrefix(word, typed) {
			return word
		}
	}
	return ""
}

// distance returns the edit distance (Levenshtein) of two words.
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
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
