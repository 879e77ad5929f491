package wire

import (
	"math"
	"strconv"
	"testing"
	"time"
)

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	longest := time.Duration(math.MaxInt64).Truncate(time.Second)
	tests := map[string]struct {
		want time.Duration
		ok   bool
	}{
		"":                               {0, false},
		"0":                              {0, true},
		"7":                              {7 * time.Second, true},
		" 120 ":                          {2 * time.Minute, true},
		"999999999":                      {999999999 * time.Second, true},
		"1767323105":                     {time.Minute, true}, // 2026-01-02 03:05:05
		"1000000000":                     {0, true},
		"99999999999999999999":           {longest, true},
		"9223372036854775807":            {longest, true},
		"-1":                             {0, false},
		"+1":                             {0, false},
		"1.5":                            {0, false},
		"1s":                             {0, false},
		"soon":                           {0, false},
		"Fri, 02 Jan 2026 03:05:05 GMT":  {time.Minute, true},
		"Friday, 02-Jan-26 03:05:05 GMT": {time.Minute, true},
		"Fri Jan  2 03:05:05 2026":       {time.Minute, true},
		"Fri, 02 Jan 2026 03:00:00 GMT":  {0, true},
	}
	for value, test := range tests {
		if got, ok := parseRetryAfter(value, now); got != test.want || ok != test.ok {
			t.Errorf("%q: %v %v, want %v %v", value, got, ok, test.want, test.ok)
		}
	}
}

func FuzzParseRetryAfter(f *testing.F) {
	for _, value := range []string{"", "0", "120", "-1", "99999999999999999999", "1767323105", "1.5",
		"Fri, 02 Jan 2026 03:05:05 GMT", "Friday, 02-Jan-26 03:05:05 GMT", "Fri Jan  2 03:05:05 2026",
		"Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0000 00:00:00 GMT"} {
		f.Add(value, int64(1767323045))
	}
	f.Fuzz(func(t *testing.T, value string, unix int64) {
		got, ok := parseRetryAfter(value, time.Unix(unix, 0))
		if got < 0 || !ok && got != 0 {
			t.Fatalf("%q: %v %v", value, got, ok)
		}
		n, err := strconv.ParseUint(value, 10, 64)
		if err == nil && n < unixRetryAfter && got != time.Duration(n)*time.Second {
			t.Fatalf("%q: %v, want %d seconds", value, got, n)
		}
	})
}
