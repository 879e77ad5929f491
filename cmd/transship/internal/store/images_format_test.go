package store

import (
	"testing"
	"time"
)

// The values are those of docker's units.HumanSizeWithPrecision(n, 3), except that it writes 999.9
// as 1e+03B.
func TestDockerSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0B", 999: "999B", 1000: "1kB", 1234: "1.23kB", 72_940_000: "72.9MB", 644_000: "644kB",
		999_499: "999kB", 999_500: "1MB", 5_613_000_000: "5.61GB", 1 << 62: "4.61EB",
	} {
		if got := dockerSize(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

// The values are those of docker's units.HumanDuration.
func TestDockerDuration(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		-time.Hour: "Less than a second", 0: "Less than a second", time.Second: "1 second", 59 * time.Second: "59 seconds",
		time.Minute: "About a minute", 45 * time.Minute: "45 minutes", time.Hour: "About an hour",
		89 * time.Minute: "About an hour", 90 * time.Minute: "2 hours", 47 * time.Hour: "47 hours",
		2 * day: "2 days", 13 * day: "13 days", 14 * day: "2 weeks", 59 * day: "8 weeks", 60 * day: "2 months",
		729 * day: "24 months", 730 * day: "2 years", 1<<63 - 1: "292 years",
	} {
		if got := dockerDuration(d); got != want {
			t.Errorf("%s: got %s, want %s", d, got, want)
		}
	}
}
