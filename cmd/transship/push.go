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
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/manifest"
)

// pushing is the command push.
type pushing struct {
	to   *remote
	jobs count
}

func pushCommand() command {
	return command{
		name: "push", args: "REF", min: 1, max: 1,
		short:   "send an image of the local store to its registry",
		example: `transship push registry.example.com/hczjl/halo:1.6`,
		setup: func(fs *flag.FlagSet, a *app) action {
			p := &pushing{to: a.remoteFlags(fs, "", "the registry")}
			a.sendFlags(fs, p.to, &p.jobs, "send")
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
		return &usageError{message: "the image has a tag and a digest", advice: "give one of the two"}
	}
	dir, release, err := holdStore(a.env)
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
	if a.quiet {
		fmt.Fprintln(a.stdout, ref)
		return nil
	}
	fmt.Fprintf(a.stdout, "%s: digest: %s size: %d\n", ref.Identifier(), d.Digest, d.Size)
	return nil
}

// copy sends the image.
func (p *pushing) copy(ctx context.Context, a *app, dir *layout.Dir, ref reference.Reference) (manifest.Descriptor, error) {
	repo, err := p.to.repository(ctx, ref, auth.Pull, auth.Push)
	if err != nil {
		return manifest.Descriptor{}, err
	}
	from, err := neighboursOf(dir, ref)
	if err != nil {
		return manifest.Descriptor{}, err
	}
	a.noteDone("pushing to repository %s", ref.Name())
	show := newProgress(a)
	engine := a.engine(p.jobs, show.event)
	stop := show.start()
	d, err := engine.Copy(ctx, dir.Repository(ref.Name()), ref.Identifier(), &mounting{repo, from}, ref.Identifier())
	stop()
	if as[*blob.MismatchError](err) {
		err = &withHint{err, "the local store is damaged there: transship rmi the image and pull it again"}
	}
	if err == nil {
		show.summaryOf("pushed", "sent", ref)
	}
	return d, err
}

// neighboursOf returns what tells which repository of the registry has a blob: one that the store has pulled it from.
// Each that no longer has the blob would cost a call, so one is tried.
func neighboursOf(dir *layout.Dir, ref reference.Reference) (func(context.Context, blob.Digest) string, error) {
	roots, err := dir.Roots()
	if err != nil {
		return nil, err
	}
	others := map[string]*layout.Repository{}
	for _, r := range roots {
		if path, same := strings.CutPrefix(r.Repository, ref.Domain+"/"); same && path != ref.Path {
			others[path] = dir.Repository(r.Repository)
		}
	}
	return func(ctx context.Context, d blob.Digest) string {
		for _, path := range slices.Sorted(maps.Keys(others)) {
			if _, err := others[path].HeadBlob(ctx, d); err == nil {
				return path
			}
		}
		return ""
	}, nil
}
