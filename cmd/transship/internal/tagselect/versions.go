package tagselect

import (
	"slices"
	"strings"
)

// Latest returns the n highest versions, in order, or all tags if n is 0. A tag that is no
// version, such as latest, is not among n.
func Latest(tags []string, n int) []string {
	tags = slices.Clone(tags)
	slices.SortStableFunc(tags, CompareVersions)
	if n == 0 {
		return tags
	}
	tags = slices.DeleteFunc(tags, func(t string) bool { return !isVersion(t) })
	return tags[max(0, len(tags)-n):]
}

// isVersion reports whether a tag begins with a digit, or with v and a digit.
func isVersion(tag string) bool {
	tag = strings.TrimPrefix(tag, "v")
	return tag != "" && tag[0] >= '0' && tag[0] <= '9'
}

// CompareVersions orders tags as versions. Numbers compare by value: 1.9 < 1.10. A pre-release
// comes before its release: 1.6-rc1 < 1.6. What is no version, such as latest, comes after all that
// are. It is for slices.SortFunc.
func CompareVersions(a, b string) int {
	x, y := a, b
	switch v, w := isVersion(a), isVersion(b); {
	case v && !w:
		return -1
	case w && !v:
		return 1
	case v:
		x, y = strings.TrimPrefix(a, "v"), strings.TrimPrefix(b, "v")
	}
	for x != "" && y != "" {
		var p, q string
		p, x = versionPart(x)
		q, y = versionPart(y)
		if c := comparePart(p, q); c != 0 {
			return c
		}
	}
	switch {
	case x == "" && y == "":
		return strings.Compare(a, b)
	case strings.HasPrefix(x, "-"), y != "" && y[0] != '-':
		return -1
	}
	return 1
}

// versionPart cuts off the leading digits, or one other character.
func versionPart(s string) (part, rest string) {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	n = max(n, 1)
	return s[:n], s[n:]
}

// comparePart compares numbers by value and anything else by bytes, so that the hyphen of 1.6-rc1
// comes before the dot of 1.6.1.
func comparePart(p, q string) int {
	number := func(s string) bool { return s[0] >= '0' && s[0] <= '9' }
	if number(p) && number(q) {
		p, q = strings.TrimLeft(p, "0"), strings.TrimLeft(q, "0")
		if len(p) != len(q) {
			return len(p) - len(q)
		}
	}
	return strings.Compare(p, q)
}
