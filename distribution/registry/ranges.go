package registry

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// byteRange is a range of bytes.
type byteRange struct{ start, length int64 }

var (
	errRangeSyntax      = errors.New("a range reads first-last, in bytes, both inclusive")
	errRangeUnsatisfied = errors.New("the range has no byte of the content")
)

// parseRange parses a Range header for content of size bytes (RFC 9110, section 14.2). It returns
// the whole content and false without a header, for a unit other than bytes and for several ranges.
// A server may ignore the latter two.
func parseRange(header string, size int64) (rng byteRange, partial bool, err error) {
	set, ok := strings.CutPrefix(header, "bytes=")
	if !ok || strings.Contains(set, ",") {
		return byteRange{0, size}, false, nil
	}
	first, last, ok := strings.Cut(strings.TrimSpace(set), "-")
	if !ok {
		return byteRange{}, false, errRangeSyntax
	}
	if first == "" {
		return parseSuffixRange(last, size)
	}
	start, ok := parseOffset(first)
	end := int64(math.MaxInt64)
	if ok && last != "" {
		end, ok = parseOffset(last)
	}
	switch {
	case !ok || end < start:
		return byteRange{}, false, errRangeSyntax
	case start >= size:
		return byteRange{}, false, errRangeUnsatisfied
	}
	return byteRange{start, min(end, size-1) - start + 1}, true, nil
}

// parseSuffixRange parses the n of the range -n, which is the last n bytes.
func parseSuffixRange(n string, size int64) (rng byteRange, partial bool, err error) {
	length, ok := parseOffset(n)
	switch {
	case !ok:
		return byteRange{}, false, errRangeSyntax
	case length == 0 || size == 0:
		return byteRange{}, false, errRangeUnsatisfied
	}
	length = min(length, size)
	return byteRange{size - length, length}, true, nil
}

// parseContentRange parses the Content-Range of a chunk, which is first-last without a unit
// (distribution-spec, "Pushing a blob in chunks").
func parseContentRange(header string) (byteRange, error) {
	first, last, _ := strings.Cut(header, "-")
	start, okStart := parseOffset(first)
	end, okEnd := parseOffset(last)
	if !okStart || !okEnd || end < start || end == math.MaxInt64 {
		return byteRange{}, errRangeSyntax
	}
	return byteRange{start, end - start + 1}, nil
}

// parseOffset parses a number of decimal digits only. A number too large for an int64 becomes
// math.MaxInt64.
func parseOffset(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return math.MaxInt64, true
	}
	return n, true
}

// uploadRange returns the Range header for an upload of size bytes. An inclusive range cannot be
// empty, so an empty upload has 0-0, as in other registries.
func uploadRange(size int64) string { return fmt.Sprintf("0-%d", max(size-1, 0)) }
