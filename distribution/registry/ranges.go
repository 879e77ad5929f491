package registry

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// span is a run of bytes: the first, and how many.
type span struct{ start, length int64 }

var (
	errRangeSyntax      = errors.New("a range reads first-last, in bytes, both inclusive")
	errRangeUnsatisfied = errors.New("the range has no byte of the content")
)

// parseRange reads a Range header against content of size bytes (RFC 9110, section 14.2). It returns false where the
// whole content is to be sent: without a header, and for units other than bytes and several ranges, both of which a
// server may ignore.
func parseRange(header string, size int64) (span, bool, error) {
	set, ok := strings.CutPrefix(header, "bytes=")
	if !ok || strings.Contains(set, ",") {
		return span{0, size}, false, nil
	}
	first, last, ok := strings.Cut(strings.TrimSpace(set), "-")
	if !ok {
		return span{}, false, errRangeSyntax
	}
	if first == "" {
		return suffix(last, size)
	}
	start, ok := parseOffset(first)
	end := int64(math.MaxInt64)
	if ok && last != "" {
		end, ok = parseOffset(last)
	}
	switch {
	case !ok || end < start:
		return span{}, false, errRangeSyntax
	case start >= size:
		return span{}, false, errRangeUnsatisfied
	}
	return span{start, min(end, size-1) - start + 1}, true, nil
}

// suffix is the last n bytes.
func suffix(n string, size int64) (span, bool, error) {
	length, ok := parseOffset(n)
	switch {
	case !ok:
		return span{}, false, errRangeSyntax
	case length == 0 || size == 0:
		return span{}, false, errRangeUnsatisfied
	}
	length = min(length, size)
	return span{size - length, length}, true, nil
}

// parseContentRange reads the Content-Range of a chunk, which is first-last without a unit (distribution-spec, "Pushing
// a blob in chunks").
func parseContentRange(header string) (span, error) {
	first, last, _ := strings.Cut(header, "-")
	start, okStart := parseOffset(first)
	end, okEnd := parseOffset(last)
	if !okStart || !okEnd || end < start || end == math.MaxInt64 {
		return span{}, errRangeSyntax
	}
	return span{start, end - start + 1}, nil
}

// parseOffset reads decimal digits and nothing else. What is too large for an int64 is the largest.
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

// received writes how far an upload has come. Range is inclusive and so has no way to say that nothing came: as other
// registries do it is 0-0 then too.
func received(size int64) string { return fmt.Sprintf("0-%d", max(size-1, 0)) }
