// Package bench measures how fast images move: of a registry, a link, or the program itself.
//
// A [Runner] runs a [Work] in rounds: each [Cell], which is one combination of settings, once in every round, so that
// whatever drifts while a benchmark runs hits all cells alike. Each measured round is a [Sample]. A [Report] has them all
// and writes itself as Go's benchmark format, as JSON, and as a page with plots.
//
// What is measured is the work alone. Images are made, put where they are read from, and removed between the clock's stops.
package bench
