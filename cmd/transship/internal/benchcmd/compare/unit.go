package compare

import (
	"fmt"
	"math"
)

// unit is what numbers of a row are, and whether more is better.
type unit int

const (
	nanoseconds unit = iota
	bytesPerSecond
	perSecond
	share // of 1
)

// moreIsBetter reports whether a greater number is the better one.
func (u unit) moreIsBetter() bool { return u == bytesPerSecond || u == perSecond }

// format formats a number with three digits.
func (u unit) format(v float64) string {
	switch u {
	case bytesPerSecond:
		return scaled(v, 1, "B/s", "kB/s", "MB/s", "GB/s", "TB/s")
	case perSecond:
		return fmt.Sprintf("%.4g/s", v)
	case share:
		return fmt.Sprintf("%.3g%%", v*100)
	}
	return scaled(v, 1e-3, "µs", "ms", "s")
}

// scaled formats v*factor in the largest of units, each 1000 of the one before, that it reaches.
func scaled(v, factor float64, units ...string) string {
	v *= factor
	i := 0
	for ; math.Abs(v) >= 999.5 && i < len(units)-1; i++ {
		v /= 1000
	}
	if math.Abs(v) >= 100 {
		return fmt.Sprintf("%.0f %s", v, units[i])
	}
	return fmt.Sprintf("%.3g %s", v, units[i])
}
