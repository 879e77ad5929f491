package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/hczjl/transship/manifest"
)

// usageError is a command line that cannot be understood.
type usageError struct{ message, hint string }

// Error returns the message; the hint is printed on a line of its own.
func (e *usageError) Error() string { return e.message }

// parse sets the flags, which may stand before, between and after the arguments, and returns the arguments. All that
// follows "--" is arguments.
func parse(fs *flag.FlagSet, args []string) ([]string, error) {
	var rest []string
	for len(args) > 0 {
		if args[0] == "--" {
			return append(rest, args[1:]...), nil
		}
		if args[0] == "-" || !strings.HasPrefix(args[0], "-") {
			rest = append(rest, args[0])
			args = args[1:]
			continue
		}
		n, err := takesArgs(fs, args)
		if err != nil {
			return nil, err
		}
		if err := fs.Parse(args[:n]); err != nil {
			return nil, flagError(fs, err)
		}
		args = args[n:]
	}
	return rest, nil
}

// takesArgs returns how many of the words belong to the flag that they begin with: two where its value stands apart.
func takesArgs(fs *flag.FlagSet, args []string) (int, error) {
	name := strings.TrimLeft(args[0], "-")
	if isHelp(args[0]) || strings.Contains(name, "=") {
		return 1, nil
	}
	f := fs.Lookup(name)
	if f == nil {
		return 1, nil
	}
	if b, ok := f.Value.(interface{ IsBoolFlag() bool }); ok && b.IsBoolFlag() {
		return 1, nil
	}
	if len(args) < 2 {
		return 0, &usageError{message: fmt.Sprintf("flag --%s needs a value", name), hint: f.Usage}
	}
	return 2, nil
}

// flagError says what is wrong with a flag in the words of this program.
func flagError(fs *flag.FlagSet, err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return &usageError{message: strings.Replace(err.Error(), "for flag -", "for flag --", 1)}
	}
	var names []string
	fs.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	return &usageError{
		message: fmt.Sprintf("unknown flag --%s", name),
		hint:    didYouMean(name, names, fmt.Sprintf("transship %s -h lists the flags", fs.Name())),
	}
}

// didYouMean names the word nearest to what was typed, or else returns fallback.
func didYouMean(typed string, words []string, fallback string) string {
	best, least := "", 3
	for _, w := range words {
		d := distance(typed, w)
		if d < least || d == least && best == "" && strings.HasPrefix(w, typed) {
			best, least = w, d
		}
	}
	if best == "" {
		i := slices.IndexFunc(words, func(w string) bool { return len(typed) > 1 && strings.HasPrefix(w, typed) })
		if i < 0 {
			return fallback
		}
		best = words[i]
	}
	return fmt.Sprintf("did you mean %s? %s", best, fallback)
}

// distance is how many letters must be put in, left out or changed to get from one word to the other.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// platformList is the value of --platform: names separated by commas, and the flag may be repeated.
type platformList []manifest.Platform

// String implements flag.Value.
func (l *platformList) String() string {
	var names []string
	for _, p := range *l {
		names = append(names, p.String())
	}
	return strings.Join(names, ",")
}

// Set implements flag.Value.
func (l *platformList) Set(s string) error {
	for text := range strings.SplitSeq(s, ",") {
		p, err := manifest.ParsePlatform(strings.TrimSpace(text))
		if err != nil {
			return err
		}
		*l = append(*l, p)
	}
	return nil
}

// stringList is a flag whose values are separated by commas, and which may be repeated.
type stringList []string

// String implements flag.Value.
func (l *stringList) String() string { return strings.Join(*l, ",") }

// Set implements flag.Value.
func (l *stringList) Set(s string) error {
	*l = append(*l, strings.Split(s, ",")...)
	return nil
}

// byteSize is a number of bytes with an optional unit: 4MiB, 512k, 100MB.
type byteSize int64

// String implements flag.Value.
func (b *byteSize) String() string { return fmt.Sprint(int64(*b)) }

// Set implements flag.Value.
func (b *byteSize) Set(s string) error {
	n, err := parseBytes(s)
	*b = byteSize(n)
	return err
}

// parseBytes reads a size. KiB, MiB and GiB are powers of 1024; so are the single letters, as in docker's flags; KB,
// MB and GB are powers of 1000.
func parseBytes(s string) (int64, error) {
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
		var n int64
		if _, err := fmt.Sscanf(number+";", "%d;", &n); err != nil || n < 0 || n > (1<<62)/u.factor {
			break
		}
		return n * u.factor, nil
	}
	return 0, fmt.Errorf("invalid size %q: want a number of bytes such as 4MiB", s)
}
