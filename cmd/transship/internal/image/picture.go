package image

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

const (
	// rateOver is the time that the rate is the average of.
	rateOver = 10 * time.Second
	// mostLines is how many blobs a picture shows; it must fit on a small terminal.
	mostLines = 10
)

// sample is how many bytes had been sent at a time.
type sample struct {
	at   time.Time
	sent int64
}

// picture is one line for each moving blob, the longest under way first, and one with the total.
func (p *Progress) picture(now time.Time) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found == 0 {
		return nil
	}
	var lines []string
	done, sent := p.done, p.moved
	for i, d := range p.order() {
		m := p.moving[d]
		at := m.meter.Position()
		done, sent = done+at, sent+at
		if i < mostLines {
			lines = append(lines, fmt.Sprintf("  %s  %s  %s of %s", d.Short(), bar(at, m.size), cli.FormatBytes(at), cli.FormatBytes(m.size)))
		}
	}
	if more := len(p.moving) - mostLines; more > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more", more))
	}
	return append(lines, p.total(done, p.rate(sent, now)))
}

// order lists the moving blobs, the longest under way first.
func (p *Progress) order() []blob.Digest {
	var digests []blob.Digest
	for d := range p.moving {
		digests = append(digests, d)
	}
	slices.SortFunc(digests, func(a, b blob.Digest) int {
		if c := p.moving[a].since.Compare(p.moving[b].since); c != 0 {
			return c
		}
		return strings.Compare(string(a), string(b))
	})
	return digests
}

// rate is how many bytes a second have been sent lately, 0 while that is not known.
func (p *Progress) rate(sent int64, now time.Time) float64 {
	p.recent = append(p.recent, sample{now, sent})
	for now.Sub(p.recent[0].at) > rateOver {
		p.recent = p.recent[1:]
	}
	first := p.recent[0]
	over := now.Sub(first.at)
	if over < time.Second {
		return 0
	}
	return max(0, float64(sent-first.sent)/over.Seconds())
}

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

// bar is a bar of 20 characters.
func bar(at, size int64) string {
	const width = 20
	full := width
	if size > 0 {
		full = int(float64(min(max(at, 0), size)) / float64(size) * width)
	}
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", width-full) + "]"
}
