package bench

import (
	"fmt"
	"strings"
)

// Text returns the median of the speed, or of the time of one operation if no bytes moved, and the
// range of the rounds in the same unit, which is named once: "2.0 MB/s (1.0 to 3.0)".
func (s Summary) Text() string {
	of, text, suffix := s.Op, formatDuration(s.Op.Median), " each"
	if s.Speed.Median > 0 {
		of, text, suffix = s.Speed, formatBytes(s.Speed.Median), "/s"
	}
	_, name, _ := strings.Cut(text, " ")
	unit := map[string]float64{
		"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15, "µs": 1e3, "ms": 1e6, "s": 1e9,
	}[name]
	return fmt.Sprintf("%s%s (%s to %s)", text, suffix, inUnit(of.Min, unit), inUnit(of.Max, unit))
}

// inUnit formats a value as a multiple of a unit, with about two digits.
func inUnit(value, unit float64) string {
	switch x := value / unit; {
	case x >= 9.95:
		return fmt.Sprintf("%.0f", x)
	case x >= 0.95:
		return fmt.Sprintf("%.1f", x)
	default:
		return fmt.Sprintf("%.2g", x)
	}
}
