package tagselect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// versionRange selects tags by version: >=1.2 <2 || ^3.1, as Masterminds/semver and npm write it. The
// bounds of one alternative must all hold. A range without alternatives has every tag, also those that
// are no versions.
type versionRange [][]versionBound

// versionBound is one comparison of a range.
type versionBound struct {
	op string
	version
}

// version is a tag that begins with a number.
type version struct {
	numbers []string // 1, 6 of 1.6-rc1
	suffix  string   // -rc1, or "" for a release
}

// rangeOperators are the operators of bounds. The longer ones come first.
func rangeOperators() []string { return []string{">=", "<=", "==", ">", "<", "=", "^", "~"} }

// IsRange reports whether a word of a selection is a bound, or separates two ranges.
func IsRange(word string) bool {
	return word == "||" || slices.ContainsFunc(rangeOperators(), func(op string) bool {
		return strings.HasPrefix(word, op)
	})
}

// parseVersion parses a tag. It reports false for one that is no version, such as latest.
func parseVersion(tag string) (version, bool) {
	if !isVersion(tag) {
		return version{}, false
	}
	v, rest := version{}, strings.TrimPrefix(tag, "v")
	for {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		v.numbers, rest = append(v.numbers, rest[:digits]), rest[digits:]
		if len(rest) < 2 || rest[0] != '.' || rest[1] < '0' || rest[1] > '9' {
			v.suffix = rest
			return v, true
		}
		rest = rest[1:]
	}
}

// parseVersionRange parses a range. Bounds are separated by spaces or commas, and a space may follow
// an operator. A version alone is = that version.
func parseVersionRange(text string) (versionRange, error) {
	var out versionRange
	for alternative := range strings.SplitSeq(text, "||") {
		bounds, err := parseBounds(strings.FieldsFunc(alternative, func(c rune) bool { return c == ' ' || c == ',' }))
		if err != nil || len(bounds) == 0 {
			return nil, &cli.UsageError{
				Message: fmt.Sprintf("%q is not a range of versions", text),
				Advice:  "a range is made of >=1.2, >1.2, <2, <=2, =1.2, ^1.2 and ~1.2; || stands between two ranges",
			}
		}
		out = append(out, bounds)
	}
	return out, nil
}

func parseBounds(words []string) ([]versionBound, error) {
	var out []versionBound
	for i := 0; i < len(words); i++ {
		b := versionBound{op: "="}
		text := words[i]
		for _, op := range rangeOperators() {
			if rest, found := strings.CutPrefix(text, op); found {
				b.op, text = op, rest
				break
			}
		}
		if text == "" && i+1 < len(words) { // ">= 1.2"
			i++
			text = words[i]
		}
		v, ok := parseVersion(text)
		if !ok || strings.ContainsAny(v.suffix, "*<>=^~|") || strings.HasPrefix(v.suffix, ".") {
			return nil, fmt.Errorf("%q is no version", text)
		}
		b.version = v
		out = append(out, b)
	}
	return out, nil
}

// match reports whether the range has a tag. A tag with a suffix, such as 1.6-rc1 or 1.6-alpine, is
// only in a range that has a bound with one, or if suffixes is set.
func (r versionRange) match(tag string, suffixes bool) bool {
	if len(r) == 0 {
		return true
	}
	v, ok := parseVersion(tag)
	return ok && slices.ContainsFunc(r, func(bounds []versionBound) bool {
		hasSuffix := func(b versionBound) bool { return b.suffix != "" }
		fails := func(b versionBound) bool { return !b.holds(v) }
		return (v.suffix == "" || suffixes || slices.ContainsFunc(bounds, hasSuffix)) && !slices.ContainsFunc(bounds, fails)
	})
}

// holds reports whether a version is within the bound. A bound compares as many numbers as it has:
// 1.2.5 is =1.2 and not >1.2.
func (b versionBound) holds(v version) bool {
	c := compareNumbers(v.numbers, b.numbers, len(b.numbers))
	if b.suffix != "" {
		c = cmp.Or(compareNumbers(v.numbers, b.numbers, max(len(v.numbers), len(b.numbers))),
			CompareVersions("0"+v.suffix, "0"+b.suffix))
	}
	switch b.op {
	case ">=":
		return c >= 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	case "<":
		return c < 0
	case "^":
		return c >= 0 && compareNumbers(v.numbers, b.numbers, b.major()) == 0
	case "~":
		return c >= 0 && compareNumbers(v.numbers, b.numbers, min(2, len(b.numbers))) == 0
	}
	return c == 0
}

// major returns how many numbers ^ keeps: those up to the first that is not 0.
func (b versionBound) major() int {
	i := slices.IndexFunc(b.numbers, func(n string) bool { return strings.Trim(n, "0") != "" })
	if i < 0 {
		return len(b.numbers)
	}
	return i + 1
}

// compareNumbers compares the first n numbers of two versions. Those that a version does not have are 0.
func compareNumbers(a, b []string, n int) int {
	at := func(numbers []string, i int) string {
		if i < len(numbers) {
			return numbers[i]
		}
		return "0"
	}
	for i := range n {
		if c := comparePart(at(a, i), at(b, i)); c != 0 {
			return c
		}
	}
	return 0
}
