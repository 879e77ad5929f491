package inspect

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// documentInfo is what a manifest says of itself beside its content.
type documentInfo struct {
	ArtifactType string            `json:"artifactType,omitempty"`
	Subject      *subjectInfo      `json:"subject,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

// subjectInfo is the manifest that another one refers to.
type subjectInfo struct {
	MediaType string      `json:"mediaType"`
	Digest    blob.Digest `json:"digest"`
	Size      int64       `json:"size"`
}

// documentOf returns what a manifest says of itself.
func documentOf(m manifest.Manifest) (documentInfo, error) {
	var info documentInfo
	if manifest.IsIndex(m.MediaType) {
		ix, err := m.Index()
		if err != nil {
			return info, err
		}
		info.ArtifactType, info.Annotations = ix.ArtifactType, ix.Annotations
	} else {
		im, err := m.Image()
		if err != nil {
			return info, err
		}
		info.ArtifactType, info.Annotations = im.ArtifactType, im.Annotations
	}
	subject, err := m.Subject()
	if subject != nil {
		info.Subject = &subjectInfo{subject.MediaType, subject.Digest, subject.Size}
	}
	return info, err
}

// configInfo is what the config of an image says of how it was made and how it runs (image-spec,
// config.md).
type configInfo struct {
	Created    string            `json:"created,omitempty"`
	User       string            `json:"user,omitempty"`
	WorkingDir string            `json:"workingDir,omitempty"`
	Entrypoint words             `json:"entrypoint,omitempty"`
	Cmd        words             `json:"cmd,omitempty"`
	Env        []string          `json:"env,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
}

// words is a command. docker wrote one word as a string once.
type words []string

// UnmarshalJSON implements json.Unmarshaler.
func (w *words) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*w = nil
		if one != "" {
			*w = words{one}
		}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(w))
}

// historyEntry is one step of an image's build.
type historyEntry struct {
	CreatedBy  string `json:"created_by"`
	EmptyLayer bool   `json:"empty_layer"`
}

// addConfig adds what the config of m says. It leaves that out if the config is missing or is none
// of an image, such as an artifact's: the manifest is there.
func (n *inspector) addConfig(ctx context.Context, info *imageInfo, m manifest.Manifest) error {
	raw, err := transfer.ImageConfig(ctx, n.src, m)
	if err == nil {
		err = info.readConfig(raw)
	}
	if err == nil || ctx.Err() != nil || cli.Has[*blob.MismatchError](err) {
		return err
	}
	if info.isImage && !run.IsNotFound(err) {
		n.run.Note("warning: what the config of %s says is left out: %s", m.Digest.Short(), cli.OneLine(err.Error()))
	}
	return nil
}

// readConfig sets what a config says. The platform is kept if it is known.
func (i *imageInfo) readConfig(raw []byte) error {
	config, err := manifest.ParseConfig(raw)
	if err != nil {
		return err
	}
	if i.Platform == nil && config.OS != "" {
		i.Platform = &config.Platform
	}
	var says struct {
		Config  configInfo
		History []historyEntry
	}
	for _, member := range config.Extra {
		switch member.Name {
		case "config":
			err = json.Unmarshal(member.Value, &says.Config)
		case "history":
			err = json.Unmarshal(member.Value, &says.History)
		}
		if err != nil {
			return &manifest.ConfigError{Digest: blob.FromBytes(raw), Err: err}
		}
	}
	i.configInfo = says.Config
	i.Created = config.Created
	i.addHistory(says.History)
	return nil
}

// addHistory sets the command that made each layer, where the history has as many steps with a
// layer as the image has layers.
func (i *imageInfo) addHistory(history []historyEntry) {
	history = slices.DeleteFunc(history, func(h historyEntry) bool { return h.EmptyLayer })
	if len(history) != len(i.Layers) {
		return
	}
	for n, h := range history {
		i.Layers[n].CreatedBy = h.CreatedBy
	}
}

// fieldWriter prints lines of a label and a value.
type fieldWriter struct{ *tabwriter.Writer }

// printFields prints what fill adds, after an empty line, and nothing if it adds nothing.
func printFields(out io.Writer, fill func(fieldWriter)) error {
	var text strings.Builder
	w := fieldWriter{tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)}
	fill(w)
	if err := w.Flush(); err != nil || text.Len() == 0 {
		return err
	}
	_, err := io.WriteString(out, "\n"+text.String())
	return err
}

// add prints the values of a field that are not empty, one a line.
func (w fieldWriter) add(label string, values ...string) {
	for _, v := range values {
		if v == "" {
			continue
		}
		fmt.Fprintf(w, "%s\t%s\n", label, cli.OneLine(v))
		label = ""
	}
}

// details prints what the table of platforms has no room for.
func (i imageInfo) details(out io.Writer) error {
	err := printFields(out, func(w fieldWriter) {
		w.add("Created:", i.Created)
		w.add("User:", i.User)
		w.add("Workdir:", i.WorkingDir)
		w.add("Entrypoint:", i.Entrypoint.String())
		w.add("Command:", i.Cmd.String())
		w.add("Environment:", i.Env...)
		w.add("Labels:", pairs(i.Labels)...)
		i.documentInfo.addTo(w)
	})
	if err != nil || len(i.Layers) == 0 {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nLAYER\tSIZE\tMEDIA TYPE\tCREATED BY")
	for _, l := range i.Layers {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", l.Digest, cli.FormatBytes(l.Size), cli.OneLine(l.MediaType), l.command())
	}
	return w.Flush()
}

func (d documentInfo) addTo(w fieldWriter) {
	w.add("ArtifactType:", d.ArtifactType)
	if d.Subject != nil {
		w.add("Subject:", string(d.Subject.Digest))
	}
	w.add("Annotations:", pairs(d.Annotations)...)
}

// String returns the command as JSON, as a Dockerfile has it, and "" for none.
func (w words) String() string {
	if len(w) == 0 {
		return ""
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode([]string(w)); err != nil {
		return strings.Join(w, " ")
	}
	return strings.TrimSpace(b.String())
}

// pairs returns name=value for each entry, sorted.
func pairs(m map[string]string) (out []string) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, name+"="+m[name])
	}
	return out
}

// maxCommand is how many characters the CREATED BY column shows. --json has all.
const maxCommand = 80

// command returns what the CREATED BY column has.
func (l layerInfo) command() string {
	text := cli.OneLine(strings.Join(strings.Fields(l.CreatedBy), " "))
	text = strings.TrimPrefix(strings.TrimPrefix(text, "/bin/sh -c "), "#(nop) ")
	if runes := []rune(text); len(runes) > maxCommand {
		text = string(runes[:maxCommand-1]) + "…"
	}
	return cmp.Or(text, "-")
}
