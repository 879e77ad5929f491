package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// referrerInfo is a manifest that refers to another one, by its subject or by a tag of cosign's.
type referrerInfo struct {
	ArtifactType string            `json:"artifactType,omitempty"`
	Tag          string            `json:"tag,omitempty"` // of cosign's
	MediaType    string            `json:"mediaType"`
	Digest       blob.Digest       `json:"digest"`
	Size         int64             `json:"size"` // bytes of the manifest
	Annotations  map[string]string `json:"annotations,omitempty"`
	Referrers    []referrerInfo    `json:"referrers,omitempty"` // what refers to this one
}

// addReferrers sets what refers to the image and to the manifests that its index lists. Those that
// the source lists and does not have are warned of.
func (n *inspector) addReferrers(ctx context.Context, found *Inspection) error {
	engine := &transfer.Engine{Referrers: true, OnEvent: func(ev transfer.Event) {
		if ev.Kind == transfer.ReferrerLeftOut && errors.Is(ev.Err, fs.ErrNotExist) {
			n.run.Note("warning: referrer %s is listed and not there", cli.OneLine(cmp.Or(ev.Ref, string(ev.Descriptor.Digest))))
		}
	}}
	all, err := engine.Collect(ctx, n.src, string(found.Digest))
	if err != nil {
		return err
	}
	bySubject, err := referrersBySubject(all)
	if err != nil {
		return err
	}
	const maxDepth = 8 // as many as copy follows
	found.Referrers = referrersOf(found.Digest, bySubject, maxDepth)
	for i, info := range found.Images {
		if info.Digest != found.Digest {
			found.Images[i].Referrers = referrersOf(info.Digest, bySubject, maxDepth)
		}
	}
	return nil
}

// referrersBySubject returns the referrers of a closure by the manifest that they refer to.
func referrersBySubject(all transfer.Closure) (map[blob.Digest][]referrerInfo, error) {
	documents := map[blob.Digest]manifest.Manifest{}
	for _, m := range all.Manifests {
		documents[m.Digest] = m
	}
	out := map[blob.Digest][]referrerInfo{}
	for _, r := range all.Referrers {
		m := documents[r.Digest]
		d, err := m.ReferrerDescriptor()
		if err != nil {
			return nil, err
		}
		subject := transfer.CosignSubject(r.Tag)
		if s, err := m.Subject(); err == nil && s != nil && r.Tag == "" {
			subject = s.Digest
		}
		out[subject] = append(out[subject], referrerInfo{ArtifactType: d.ArtifactType, Tag: r.Tag,
			MediaType: m.MediaType, Digest: m.Digest, Size: m.Size, Annotations: d.Annotations})
	}
	return out, nil
}

// referrersOf returns what refers to a manifest, by type, and what refers to that.
func referrersOf(d blob.Digest, bySubject map[blob.Digest][]referrerInfo, depth int) []referrerInfo {
	if depth == 0 {
		return nil
	}
	out := slices.Clone(bySubject[d])
	for i, r := range out {
		out[i].Referrers = referrersOf(r.Digest, bySubject, depth-1)
	}
	slices.SortStableFunc(out, func(a, b referrerInfo) int { return strings.Compare(a.kind(), b.kind()) })
	return out
}

// kind returns what the tree calls a referrer: its type, or what cosign's tag says.
func (r referrerInfo) kind() string {
	_, ending, _ := strings.Cut(r.Tag, ".")
	switch ending {
	case "sig":
		return "cosign signature"
	case "att":
		return "cosign attestation"
	case "sbom":
		return "cosign SBOM"
	}
	return cmp.Or(r.ArtifactType, "unknown type")
}

// tree is a text with texts below it.
type tree struct {
	text  string
	below []tree
}

// referrerTree returns the trees of referrers, one for each type.
func referrerTree(referrers []referrerInfo) (types []tree) {
	for _, r := range referrers {
		if len(types) == 0 || types[len(types)-1].text != cli.OneLine(r.kind()) {
			types = append(types, tree{text: cli.OneLine(r.kind())})
		}
		last := &types[len(types)-1]
		last.below = append(last.below, tree{string(r.Digest), referrerTree(r.Referrers)})
	}
	return types
}

// printReferrers prints the tree of what refers to the image, and to the images of its index.
func (f Inspection) printReferrers(r *run.Run) error {
	root := tree{f.Reference + "  " + string(f.Digest), referrerTree(f.Referrers)}
	for _, info := range f.Images {
		if len(info.Referrers) > 0 {
			root.below = append(root.below, tree{info.title() + "  " + string(info.Digest), referrerTree(info.Referrers)})
		}
	}
	if len(root.below) == 0 {
		r.Note("nothing refers to %s", f.Reference)
	}
	if _, err := fmt.Fprintln(r.Stdout, root.text); err != nil {
		return err
	}
	return printTrees(r.Stdout, root.below, "")
}

// printTrees prints trees below each other, with lines as tree(1) draws them.
func printTrees(out io.Writer, trees []tree, indent string) error {
	for i, t := range trees {
		branch, next := "├── ", "│   "
		if i == len(trees)-1 {
			branch, next = "└── ", "    "
		}
		if _, err := fmt.Fprintln(out, indent+branch+t.text); err != nil {
			return err
		}
		if err := printTrees(out, t.below, indent+next); err != nil {
			return err
		}
	}
	return nil
}
