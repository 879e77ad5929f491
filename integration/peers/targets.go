package main

import (
	"cmp"
	"fmt"
)

// target is what is asked of the subject in a work.
type target struct {
	work string // or a group of works, whose most counts
	what string // that is measured, for people
	by   func(sample) float64
	peer string  // whose figure it is held against: a name, bestPeer, or empty for none
	most float64 // of the ratio to the peer, or of the figure itself
	unit func(float64) string
	tool string // whose figure it is; empty is the subject's
}

// Groups of works. What no peer has a part in is in neither.
const (
	cleanImages = "one image on a clean link"
	otherWorks  = "every other work"
)

// bestPeer stands for the peer that does best.
const bestPeer = "best"

// floor is how many seconds the image takes at the rate of the paths that have one.
const floor = 393e6 / 50e6

// targets are those of the first comparison that was made, on a machine of two cores.
func targets() []target {
	return []target{
		{"copy", "wall", wall, bestPeer, 1, seconds, ""},
		{"copy", "CPU of the client", cpu, "oras", 0.95, seconds, ""},
		{"copy", "calls on source + target", calls, "", 16 + 29, count, ""},
		{"far", "wall", wall, bestPeer, 0.65, seconds, ""},
		{"tls", "CPU of the client", cpu, "oras", 0.75, seconds, ""},
		{"many", "wall", wall, "crane", 0.25, seconds, ""},
		{"many", "calls on source + target", calls, "", 706 + 1210, count, ""},
		{"repeat", "wall", wall, "crane", 0.5, seconds, ""},
		{"big", "wall", wall, bestPeer, 0.25, seconds, ""},
		{"save", "wall", wall, "oras", 1, seconds, ""},
		{"disk", "bytes written / size", twice, "", 1.01, plain, ""},
		{cleanImages, "peak memory", peak, "", 24e6, megabytes, ""},
		{otherWorks, "peak memory", peak, "", 40e6, megabytes, ""},
		{"tags", "wall", wall, "", 10, seconds, ""},
		{"wan-down", "wall", wall, bestPeer, 0.75, seconds, ""},
		{"wan-up", "wall", wall, bestPeer, 0.45, seconds, ""},
		{"wide-down", "wall", wall, "", 1.15 * floor, seconds, ""},
		{"wide-up", "wall", wall, "", 1.2 * floor, seconds, ""},
		{"lossy-down", "wall", wall, "aria2c", 0.95, seconds, ""},
		{"lossy-up", "wall", wall, "", 1.4 * floor, seconds, ""},
		{"lossy-up", "wall with --congestion system", wall, bestPeer, 1, seconds, ofSystem},
		{"poor-down", "wall", wall, "aria2c", 0.9, seconds, ""},
		{"poor-up", "wall", wall, "", 2 * floor, seconds, ""},
		{"wide-many", "wall", wall, "crane", 0.35, seconds, ""},
		{"lossy-many", "wall", wall, "crane", 0.2, seconds, ""},
		{"flow-down", "wall", wall, "", 393.0 / 30, seconds, ""},
	}
}

// verdict is a target held against results.
type verdict struct {
	target
	peer   string // whose figure it is, where there is one
	mine   spread
	theirs spread
	ratio  spread // to the peer
	late   bool   // the peer was ended, and so the ratio is at most that
	met    bool
	known  bool // there are results to tell by
}

// judge holds results against a target.
func (t target) judge(r results) verdict {
	v := verdict{target: t, peer: t.peer}
	if isGroup(t.work) {
		group := r.group(t.work)
		most := spreadOf(group.measured(t.by)).most
		v.mine = spread{most, most, most}
		v.known, v.met = len(group) > 0, most <= t.most
		return v
	}
	tool := cmp.Or(t.tool, subject)
	v.mine = spreadOf(r.of(t.work, tool).measured(t.by))
	if t.peer == "" {
		v.known, v.met = len(r.of(t.work, tool)) > 0, v.mine.median <= t.most
		return v
	}
	if t.peer == bestPeer {
		v.peer = r.best(t.work, t.by)
	}
	v.theirs, v.late = spreadOf(r.of(t.work, v.peer).measured(t.by)), r.of(t.work, v.peer).late()
	ratios := r.ratios(t.work, tool, v.peer, t.by)
	v.ratio = spreadOf(ratios)
	v.known, v.met = len(ratios) > 0, v.ratio.median <= t.most
	return v
}

// isGroup reports whether a name is that of a group of works.
func isGroup(name string) bool { return name == cleanImages || name == otherWorks }

// group are the subject's results in a group of works.
func (r results) group(name string) (mine results) {
	for _, w := range works() {
		if !w.alone && w.cleanImage() == (name == cleanImages) {
			mine = append(mine, r.of(w.name, subject)...)
		}
	}
	return mine
}

// seconds, megabytes, count and plain write a figure for people.
func seconds(v float64) string   { return digits(v) + " s" }
func megabytes(v float64) string { return fmt.Sprintf("%.1f MB", v/1e6) }
func count(v float64) string     { return fmt.Sprintf("%.0f", v) }
func plain(v float64) string     { return fmt.Sprintf("%.3f", v) }

// digits writes a number with three digits that count, and at most two behind the point.
func digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
