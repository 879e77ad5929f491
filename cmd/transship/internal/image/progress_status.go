package image

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

const (
	// ratePeriod is the time over which the rate is averaged, or that between two samples if it is longer.
	ratePeriod = 10 * time.Second
	// maxBlobLines is how many blobs have a status line. All lines must fit on a small terminal.
	maxBlobLines = 10
)

// sample is the number of bytes sent until a time.
type sample struct {
	at   time.Time
	sent int64
}

// statusLines returns one line for each blob in transfer, the longest first, and one with the
// total.
func (p *Progress) statusLines(now time.Time) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found == 0 {
		return nil
	}
	var lines []string
	done, sent := p.done, p.sent
	for i, d := range p.activeDigests() {
		b := p.active[d]
		pos := b.meter.Position()
		done, sent = done+pos, sent+pos
		if i < maxBlobLines {
			lines = append(lines, fmt.Sprintf("  %s  %s  %s of %s%s", // a terminal cuts a long name
				d.Short(), bar(pos, b.size), cli.FormatBytes(pos), cli.FormatBytes(b.size), b.image))
		}
	}
	if more := len(p.active) - maxBlobLines; more > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more", more))
	}
	return append(lines, p.total(done, p.rate(sent, now)))
}

// printTotal prints the line with the total, if anything is to be transferred.
func (p *Progress) printTotal(now time.Time) {
	if lines := p.statusLines(now); len(lines) > 0 {
		p.out.Line("%s", strings.TrimSpace(lines[len(lines)-1]))
	}
}

// activeDigests returns the blobs in transfer, the longest first.
func (p *Progress) activeDigests() []blob.Digest {
	return slices.SortedFunc(maps.Keys(p.active), func(a, b blob.Digest) int {
		return cmp.Or(p.active[a].since.Compare(p.active[b].since), cmp.Compare(a, b))
	})
}

// rate returns the recent rate in bytes per second, 0 while it is not known.
func (p *Progress) rate(sent int64, now time.Time) float64 {
	p.recent = append(p.recent, sample{now, sent})
	for len(p.recent) > 2 && now.Sub(p.recent[0].at) > ratePeriod {
		p.recent = p.recent[1:]
	}
	first := p.recent[0]
	period := now.Sub(first.at)
	if period < time.Second {
		return 0
	}
	return max(0, float64(sent-first.sent)/period.Seconds())
}

// total returns the line with the total, the rate and the time left.
func (p *Progress) total(done int64, rate float64) string {
	line := fmt.Sprintf("  total %s of %s", cli.FormatBytes(done), cli.FormatBytes(p.found))
	if rate < 1 {
		return line
	}
	line += fmt.Sprintf(", %s/s", cli.FormatBytes(int64(rate)))
	if done < p.found {
		left := time.Duration(float64(p.found-done) / rate * float64(time.Second))
		line += fmt.Sprintf(", %s left", left.Round(time.Second))
	}
	return line
}

// bar returns a progress bar, 20 characters wide in brackets.
func bar(pos, size int64) string {
	const width = 20
	full := width
	if size > 0 {
		full = int(float64(min(max(pos, 0), size)) / float64(size) * width)
	}
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", width-full) + "]"
}
