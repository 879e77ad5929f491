package waterfall

import (
	"fmt"
	"time"

	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/svg"
)

// axis draws a time axis, with grid lines down to bottom.
func (w *waterfall) axis(bottom float64) {
	step := tick(w.wall)
	for n := time.Duration(0); n <= w.wall/step; n++ {
		x := w.x(n * step)
		w.Path(fmt.Sprintf("M%s %sV%s", svg.Number(x), svg.Number(w.y+14), svg.Number(bottom)), "grid")
		w.Text(x, w.y+10, "soft middle", audit.Millis(n*step).String())
	}
	w.y += 16
}

// tick returns the time between two marks of an axis, which then has four to nine marks.
func tick(wall time.Duration) time.Duration {
	const maxSteps = 8
	for unit := time.Microsecond; unit < 10*time.Second; unit *= 10 {
		for _, n := range []time.Duration{1, 2, 5} {
			if wall/maxSteps <= n*unit {
				return n * unit
			}
		}
	}
	for unit := 15 * time.Second; ; unit *= 2 {
		if wall/maxSteps <= unit {
			return unit
		}
	}
}
