package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hczjl/transship/manifest"
)

// PlatformList is the value of a flag such as --platform: platforms separated by commas. The flag
// may be repeated.
type PlatformList []manifest.Platform

// String implements flag.Value.
func (l *PlatformList) String() string {
	var names []string
	for _, p := range *l {
		names = append(names, p.String())
	}
	return strings.Join(names, ",")
}

// Set implements flag.Value.
func (l *PlatformList) Set(s string) error {
	for text := range strings.SplitSeq(s, ",") {
		p, err := manifest.ParsePlatform(strings.TrimSpace(text))
		if err != nil {
			return err
		}
		*l = append(*l, p)
	}
	return nil
}

// FileList is the value of a flag that names a file and may be repeated.
type FileList []string

// String implements flag.Value.
func (l *FileList) String() string { return strings.Join(*l, " ") }

// Set implements flag.Value.
func (l *FileList) Set(s string) error {
	*l = append(*l, s)
	return nil
}

// StringList is the value of a flag that takes values separated by commas and may be repeated.
type StringList []string

// String implements flag.Value.
func (l *StringList) String() string { return strings.Join(*l, ",") }

// Set implements flag.Value.
func (l *StringList) Set(s string) error {
	*l = append(*l, strings.Split(s, ",")...)
	return nil
}

// Count is a number of at least 1.
type Count int

// String implements flag.Value.
func (c *Count) String() string { return strconv.Itoa(int(*c)) }

// Set implements flag.Value.
func (c *Count) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return fmt.Errorf("%q is not a whole number of 1 or more", s)
	}
	*c = Count(n)
	return nil
}

// ByteSize is a number of bytes with an optional unit: 4MiB, 512k, 100MB.
type ByteSize int64

// String implements flag.Value.
func (b *ByteSize) String() string { return strconv.FormatInt(int64(*b), 10) }

// Set implements flag.Value. KiB, MiB and GiB are powers of 1024, and so are the single letters, as
// in docker's flags; KB, MB and GB are powers of 1000.
func (b *ByteSize) Set(s string) error {
	units := []struct {
		suffix string
		factor int64
	}{
		{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9},
		{"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {"b", 1}, {"", 1},
	}
	text := strings.ToLower(strings.TrimSpace(s))
	for _, u := range units {
		number, ok := strings.CutSuffix(text, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || n < 1 || n > (1<<62)/u.factor {
			break
		}
		*b = ByteSize(n * u.factor)
		return nil
	}
	return fmt.Errorf("%q is not a number of bytes, such as 4MiB or 512k", s)
}

// ByteRate is a number of bytes per second: a ByteSize with an optional /s.
type ByteRate ByteSize

// String implements flag.Value.
func (r *ByteRate) String() string { return (*ByteSize)(r).String() }

// Set implements flag.Value.
func (r *ByteRate) Set(s string) error {
	if (*ByteSize)(r).Set(strings.TrimSuffix(s, "/s")) != nil {
		return fmt.Errorf("%q is not a number of bytes per second, such as 20MiB/s", s)
	}
	return nil
}

// Timeout is how long something may take: at least a second, or 0 for the default.
type Timeout time.Duration

// String implements flag.Value.
func (t *Timeout) String() string { return time.Duration(*t).String() }

// Set implements flag.Value.
func (t *Timeout) Set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil || d < time.Second {
		return fmt.Errorf("%q is not a time of a second or more, such as 30s", s)
	}
	*t = Timeout(d)
	return nil
}
