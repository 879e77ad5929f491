package main

import (
	"fmt"
	"slices"
	"strings"
)

// table is the printed table, whose rows appear once they are measured.
type table struct{ registries []*registry }

// header prints what was measured, and the columns.
func (t *table) header(o *options) {
	fmt.Printf("zb -c %d -n %d, requests per second, medians of %d rounds in turns (least to most)\n\n", o.clients, o.requests, o.rounds)
	line, rule := "| row of zb |", "|---|"
	for _, r := range t.registries {
		line += fmt.Sprintf(" %s %s |", r.name, r.version)
		rule += "---|"
	}
	fmt.Println(line + " of the best other |")
	fmt.Println(rule + "---|")
}

// row prints the rates of one row. The last column is that of the first registry over the best of the others.
func (t *table) row(name string, rates [][]float64) {
	cells := []string{name}
	best := 0.0
	for i, of := range rates {
		cells = append(cells, cell(of))
		if i > 0 {
			best = max(best, median(of))
		}
	}
	ratio := "-"
	if best > 0 && len(rates[0]) > 0 {
		ratio = fmt.Sprintf("%.2f", median(rates[0])/best)
	}
	fmt.Println("| " + strings.Join(append(cells, ratio), " | ") + " |")
}

func cell(rates []float64) string {
	if len(rates) == 0 {
		return "fails"
	}
	text := fmt.Sprintf("%.4g", median(rates))
	if len(rates) > 1 {
		text += fmt.Sprintf(" (%.4g to %.4g)", slices.Min(rates), slices.Max(rates))
	}
	return text
}

// median is the middle one, or the mean of the two that are; 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}
