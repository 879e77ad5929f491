// Package bench measures how fast images are pushed, pulled and copied. Start with [Runner].
//
// A Runner runs a [Work] in rounds. Each round measures every [Cell], which is one combination of
// settings, so that a drift during the benchmark affects all cells equally. The result of a
// measured round is a [Sample] for each cell. A [Report] has all samples, and writes them in Go's
// benchmark format, as JSON, and as a page with plots.
//
// Only the work is measured. Images are made, put into the source and removed while the clock is
// stopped.
package bench
