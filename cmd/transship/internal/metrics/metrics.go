// Package metrics writes metrics in the text format of Prometheus, version 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/). Start from [Write].
package metrics

import (
	"bytes"
	"io"
	"strconv"
	"strings"
)

// ContentType is the media type of the format.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// The types of a [Family].
const (
	Gauge   = "gauge"
	Counter = "counter" // its name ends with _total
)

// Family is a metric and its values.
type Family struct {
	Name, Help, Type string
	Samples          []Sample
}

// Sample is a value of a metric. Its labels are name, value, name, value and so on.
type Sample struct {
	Labels []string
	Value  float64
}

// Write writes families in their order. One without samples is left out.
func Write(w io.Writer, families []Family) error {
	var b bytes.Buffer
	for _, f := range families {
		if len(f.Samples) == 0 {
			continue
		}
		b.WriteString("# HELP " + f.Name + " " + strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(f.Help) + "\n")
		b.WriteString("# TYPE " + f.Name + " " + f.Type + "\n")
		for _, s := range f.Samples {
			b.WriteString(s.name(f.Name) + " " + strconv.FormatFloat(s.Value, 'g', -1, 64) + "\n")
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// name returns the name of a sample with its labels.
func (s Sample) name(family string) string {
	if len(s.Labels) == 0 {
		return family
	}
	var labels []string
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	for i := 0; i+1 < len(s.Labels); i += 2 {
		labels = append(labels, s.Labels[i]+`="`+escape.Replace(strings.ToValidUTF8(s.Labels[i+1], "\uFFFD"))+`"`)
	}
	return family + "{" + strings.Join(labels, ",") + "}"
}

// Value returns the value that a text of [Write] has for a sample, and whether it has one.
func Value(text, family string, labels ...string) (float64, bool) {
	name := Sample{Labels: labels}.name(family)
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(strings.TrimSuffix(line, "\n"), name+" "); found {
			n, err := strconv.ParseFloat(value, 64)
			return n, err == nil
		}
	}
	return 0, false
}
