package openloop

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxRate is the highest rate that can be given.
const MaxRate Rate = 1_000_000

// Range is a rate, or one that rises from one to another.
type Range struct{ From, To Rate }

// Ramps reports whether the rate rises.
func (r Range) Ramps() bool { return r.From != r.To }

// String returns the range as Set takes it.
func (r *Range) String() string {
	if !r.Ramps() {
		return r.From.String()
	}
	return strings.TrimSuffix(r.From.String(), "/s") + ".." + r.To.String()
}

// String returns the rate in a second, such as 200/s.
func (r Rate) String() string { return strconv.FormatFloat(float64(r), 'f', -1, 64) + "/s" }

// Set implements flag.Value: 200/s, 90/m, 200 (a second), 50..1000/s.
func (r *Range) Set(s string) error {
	value, per := s, Rate(1)
	if number, unit, found := strings.Cut(s, "/"); found {
		seconds, ok := map[string]Rate{"s": 1, "m": 60, "h": 3600}[unit]
		if !ok {
			return fmt.Errorf("%q is no number of calls in a second, such as 200/s", s)
		}
		value, per = number, seconds
	}
	from, to, ramps := strings.Cut(value, "..")
	if !ramps {
		to = from
	}
	var rates [2]Rate
	for i, text := range []string{from, to} {
		v, err := strconv.ParseFloat(text, 64)
		if rates[i] = Rate(v) / per; err != nil || !(v > 0) {
			return fmt.Errorf("%q is no number of calls in a second, such as 200/s or 50..1000/s", s)
		}
		if rates[i] > MaxRate {
			return fmt.Errorf("%q is more than %s, the highest rate", s, MaxRate)
		}
	}
	if ramps && rates[1] <= rates[0] {
		return fmt.Errorf("%q does not rise", s)
	}
	*r = Range{rates[0], rates[1]}
	return nil
}
