package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// pushing is the command push.
type pushing struct {
	to    *side
	jobs  count
	chunk byteSize
}

func pushCommand() command {
	return command{
		name: "push", args: "REF", min: 1, max: 1,
		short:   "send an image of the local store to its registry",
		example: `transship push registry.example.com/hczjl/halo:1.6`,
		setup: func(fs *flag.FlagSet, a *app) action {
			p := &pushing{to: a.newSide(fs, "", "the registry"), jobs: transfer.DefaultJobs}
			fs.Var(&p.jobs, "jobs", fmt.Sprintf("send `N` blobs at a time (default %d)", p.jobs))
			fs.Var(&p.chunk, "chunk-size", "upload in chunks of this `size`, such as 8MiB (default: each blob in one request)")
			a.commonFlags(fs)
			a.verboseFlag(fs)
			return p.run
		},
	}
}

func (p *pushing) run(ctx context.Context, a *app, args []string) error {
	ref, err := reference.Parse(args[0])
	if err != nil {
		return err
	}
	if ref.Tag != "" && ref.Digest != "" {
		return &usageError{message: "the image has a tag and a digest", hint: "give one of the two"}
	}
	dir, release, err := a.holdStore()
	if err != nil {
		return err
	}
	defer release()
	src := dir.Repository(ref.Name())
	if _, err := src.HeadManifest(ctx, ref.Identifier()); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return &noImageError{ref.Familiar()}
		}
		return err
	}
	d, err := p.copy(ctx, a, dir, ref)
	if err != nil {
		return err
	}
	if a.shared.quiet {
		fmt.Fprintln(a.stdout, ref)
		return nil
	}
	fmt.Fprintf(a.stdout, "%s: digest: %s size: %d\n", ref.Identifier(), d.Digest, d.Size)
	return nil
}

// copy sends the image.
func (p *pushing) copy(ctx context.Context, a *app, dir *layout.Dir, ref reference.Reference) (manifest.Descriptor, error) {
	repo, err := a.repository(ctx, p.to, ref, auth.Pull, auth.Push)
	if err != nil {
		return manifest.Descriptor{}, err
	}
	repo.ChunkSize = int64(p.chunk)
	neighbours, err := neighboursOf(dir, ref)
	if err != nil {
		return manifest.Descriptor{}, err
	}
	a.note("pushing to repository %s", ref.Name())
	show := a.newProgress()
	engine := &transfer.Engine{Jobs: int(p.jobs), OnEvent: show.event}
	stop := show.start()
	d, err := engine.Copy(ctx, dir.Repository(ref.Name()), ref.Identifier(), &mounting{repo, neighbours}, ref.Identifier())
	stop()
	if err == nil {
		show.summaryOf("pushed", "sent", ref)
	}
	return d, err
}

// mounting is a repository that blobs are mounted in from those that the store knows to have them on the same registry,
// as docker does with what it has pulled.
type mounting struct {
	*distribution.Repository
	neighbours map[string]*layout.Repository // of the store, by their name on the registry
}

// neighboursOf returns the other repositories of the store that are on the registry of ref.
func neighboursOf(dir *layout.Dir, ref reference.Reference) (map[string]*layout.Repository, error) {
	roots, err := dir.Roots()
	if err != nil {
		return nil, err
	}
	out := map[string]*layout.Repository{}
	for _, r := range roots {
		if path, same := strings.CutPrefix(r.Repository, ref.Domain+"/"); same && path != ref.Path {
			out[path] = dir.Repository(r.Repository)
		}
	}
	return out, nil
}

// PutBlob implements transfer.Target. One neighbour is tried: each that no longer has the blob costs a call.
func (m *mounting) PutBlob(ctx context.Context, d manifest.Descriptor, open blob.Open, from ...string) (blob.Outcome, error) {
	if len(from) > 0 {
		return m.Repository.PutBlob(ctx, d, open, from...)
	}
	for _, path := range slices.Sorted(maps.Keys(m.neighbours)) {
		if _, err := m.neighbours[path].HeadBlob(ctx, d.Digest); err == nil {
			return m.Repository.PutBlob(ctx, d, open, path)
		}
	}
	return m.Repository.PutBlob(ctx, d, open)
}
