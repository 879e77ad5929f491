package imagesin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/reference"
)

const (
	maxLine   = 64 << 10 // bytes of a line that are looked at together
	maxImages = 100_000  // different ones
)

// finder collects the images of a document, which it reads line by line.
type finder struct {
	images      map[string]bool // normalized references
	line        int             // the number of the line, from 1
	values      *values         // that a line image: without a value has begun; nil if none
	refused     int             // values that are no reference
	refusedLine int             // of the first
}

// values is a mapping as in helm's values: image: with its parts indented below.
type values struct {
	indent int // of image:
	inner  int // of the parts, 0 before the first
	parts  map[string]string
}

// read reads a document to its end. A line of more than maxLine bytes is taken for JSON without line
// breaks and read in pieces.
func (f *finder) read(ctx context.Context, in io.Reader) error {
	r := bufio.NewReaderSize(in, maxLine)
	var rest []byte // the end of a piece that may continue in the next
	for f.line = 1; ; {
		text, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			rest = f.addPiece(append(rest, text...))
			err = nil
		case rest != nil:
			f.addPiece(append(rest, text...))
			rest = nil
			f.line++
		default:
			f.addLine(text)
			f.line++
		}
		switch {
		case err == io.EOF:
			f.endValues()
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case len(f.images) > maxImages:
			return &cli.UsageError{Message: fmt.Sprintf("there are more than %d different images in it", maxImages)}
		}
	}
}

// inJSON matches the member image of a JSON object: a name, or an object of its parts. An escape in a
// name is one of JSON's.
var inJSON = regexp.MustCompile(`"image"\s*:\s*("(?:[^"\\]|\\.)*"|\{[^{}]*\})`)

// inFlow matches the member image of a YAML mapping in one line.
var inFlow = regexp.MustCompile(`[{,]\s*image:\s+["']?([^\s,{}\[\]"']+)`)

// inYAML matches a line of YAML that sets image, in a list or not.
var inYAML = regexp.MustCompile(`^(\s*(?:-\s+)*)["']?image["']?\s*:(?:\s+(.*))?$`)

// inValues matches a line of YAML or JSON that sets a part of an image.
var inValues = regexp.MustCompile(`^\s*["']?(registry|repository|tag|digest)["']?\s*:\s+(.*)$`)

// addPiece adds the images in a piece of a line of JSON, and returns the end of the piece that may
// be the beginning of one.
func (f *finder) addPiece(piece []byte) (rest []byte) {
	end := 0
	for _, m := range inJSON.FindAllSubmatchIndex(piece, -1) {
		f.addJSON(piece[m[2]:m[3]])
		end = m[1]
	}
	const longest = 4 << 10 // of a member image
	return bytes.Clone(piece[max(end, len(piece)-longest):])
}

// addLine adds the images in a line.
func (f *finder) addLine(text []byte) {
	if f.values == nil && !bytes.Contains(text, []byte("image")) {
		return
	}
	line := strings.TrimRight(strings.TrimPrefix(string(text), "\ufeff"), " \t\r\n")
	start := strings.TrimLeft(line, " \t")
	if start == "" || start[0] == '#' {
		return
	}
	if f.values != nil && f.addPart(line, len(line)-len(start)) {
		return
	}
	var members [][]string
	if strings.Contains(line, `"image"`) { // much faster than the expression
		members = inJSON.FindAllStringSubmatch(line, -1)
	}
	for _, m := range members {
		f.addJSON([]byte(m[1]))
	}
	if m := inYAML.FindStringSubmatch(line); m != nil && len(members) == 0 {
		f.addYAML(m[2], len(m[1]))
		return
	}
	if !strings.ContainsAny(line, "{,") {
		return
	}
	for _, m := range inFlow.FindAllStringSubmatch(line, -1) {
		f.add(m[1])
	}
}

// addYAML adds the value of image: in a line, or begins a mapping if there is none.
func (f *finder) addYAML(text string, indent int) {
	value := scalar(text)
	switch {
	case value == "" || value == "{":
		f.values = &values{indent: indent, parts: map[string]string{}}
	case strings.HasPrefix(value, "{") && !strings.HasPrefix(value, "{{"): // {{ begins a template, which add refuses
		f.addInline(value)
	case value != "null" && value != "~" && !strings.HasPrefix(value, "["):
		f.add(value)
	}
}

// addInline adds the image of a mapping of its parts in one line.
func (f *finder) addInline(mapping string) {
	f.values = &values{parts: map[string]string{}}
	for member := range strings.SplitSeq(strings.Trim(mapping, "{} "), ",") {
		if m := inValues.FindStringSubmatch(member); m != nil {
			f.values.parts[m[1]] = scalar(m[2])
		}
	}
	f.endValues()
}

// addPart adds a part of an image, and reports whether the line belongs to the mapping. A line that
// is not deeper than image: ends it.
func (f *finder) addPart(line string, indent int) bool {
	if indent <= f.values.indent {
		f.endValues()
		return false
	}
	if f.values.inner == 0 {
		f.values.inner = indent
	}
	m := inValues.FindStringSubmatch(line)
	if m == nil || indent != f.values.inner {
		return false
	}
	f.values.parts[m[1]] = scalar(m[2])
	return true
}

// endValues adds the image whose parts were read. Without a tag or a digest the chart decides which
// image it is.
func (f *finder) endValues() {
	if f.values == nil {
		return
	}
	parts := f.values.parts
	f.values = nil
	f.addParts(parts)
}

// addParts adds the image of a registry, repository, tag and digest, as far as they are there.
func (f *finder) addParts(parts map[string]string) {
	maps.DeleteFunc(parts, func(_, value string) bool { return value == "null" || value == "~" })
	if parts["repository"] == "" || parts["tag"] == "" && parts["digest"] == "" {
		return
	}
	name := parts["repository"]
	if parts["registry"] != "" {
		name = parts["registry"] + "/" + name
	}
	if parts["tag"] != "" {
		name += ":" + parts["tag"]
	}
	if parts["digest"] != "" {
		name += "@" + parts["digest"]
	}
	f.add(name)
}

// addJSON adds the image that a JSON string, or an object of its parts, names.
func (f *finder) addJSON(raw []byte) {
	var name string
	if json.Unmarshal(raw, &name) == nil {
		f.add(name)
		return
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return
	}
	parts := map[string]string{}
	for member, value := range members {
		parts[member] = scalar(string(value)) // a tag may be a number
	}
	f.addParts(parts)
}

// add adds an image, if its name is a reference.
func (f *finder) add(name string) {
	if f.images[name] {
		return
	}
	ref, err := reference.Parse(name)
	if err == nil {
		f.images[ref.String()] = true
		return
	}
	if f.refused == 0 {
		f.refusedLine = f.line
	}
	f.refused++
}

// scalar returns the value of a YAML scalar or JSON string in one line: without quotes, a comment, an
// anchor, and the comma after a member of JSON.
func scalar(text string) string {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "&") {
		_, text, _ = strings.Cut(text, " ")
		text = strings.TrimSpace(text)
	}
	if text != "" && (text[0] == '"' || text[0] == '\'') {
		value, _, _ := strings.Cut(text[1:], text[:1])
		return value
	}
	if strings.HasPrefix(text, "#") {
		return ""
	}
	text, _, _ = strings.Cut(text, " #")
	return strings.TrimRight(strings.TrimSpace(text), ",")
}
