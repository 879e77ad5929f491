package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"

	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
	"github.com/hczjl/transship/cmd/transship/internal/lists/liststore"
)

// manifestInspect is the command manifest inspect.
type manifestInspect struct {
	at      *remote
	verbose bool
}

func manifestInspectCommand() command {
	return command{
		name: "manifest inspect", args: "[LIST] IMAGE", min: 1, max: 2,
		short: "show an image manifest, or a manifest list, local or remote",
		long: `Works as docker manifest inspect: the local list of that name goes first, then the registry is asked; with
LIST it shows the entry for IMAGE in a local list. transship inspect shows more, in fewer words.`,
		example: `transship manifest inspect hczjl/halo:1.6`,
		setup: func(fs *flag.FlagSet, a *app) action {
			c := &manifestInspect{at: manifestRemote(a, fs)}
			fs.BoolVar(&c.verbose, "verbose", false, "show reference, descriptor, raw bytes and manifest of each image")
			alias(fs, "v", "verbose")
			return c.run
		},
	}
}

func (c *manifestInspect) run(ctx context.Context, a *app, args []string) error {
	ref, err := reference.Parse(args[len(args)-1])
	if err != nil {
		return err
	}
	c.at.host = ref.Host()
	store, err := listStore(a.env)
	if err != nil {
		return err
	}
	if len(args) == 2 {
		return c.entry(a, store, args[0], ref)
	}
	entries, err := store.List(ref.String())
	switch {
	case err == nil:
		return c.list(a, entries)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return c.remote(ctx, a, ref)
}

// entry shows one image of a local list.
func (c *manifestInspect) entry(a *app, store liststore.Store, listArg string, image reference.Reference) error {
	list, err := reference.Parse(listArg)
	if err != nil {
		return err
	}
	e, err := store.Get(list.String(), image.String())
	if err != nil {
		return err
	}
	return c.image(a, e)
}

// remote shows what the registry has under the name.
func (c *manifestInspect) remote(ctx context.Context, a *app, ref reference.Reference) error {
	repo, err := pullFrom(ctx, c.at, ref)
	if err != nil {
		return err
	}
	m, err := repo.Manifest(ctx, ref.Identifier())
	if err != nil {
		return noSuchManifest(ref, err)
	}
	switch {
	case !manifest.IsIndex(m.MediaType) && !c.verbose:
		return c.image(a, liststore.Entry{Raw: m.Raw})
	case !manifest.IsIndex(m.MediaType):
		e, err := entryOf(ctx, repo, ref, m)
		if err != nil {
			return err
		}
		return c.image(a, e)
	case c.verbose:
		return c.remoteList(ctx, a, repo, ref, m)
	}
	ix, err := m.Index()
	if err != nil {
		return err
	}
	return printList(a, ix)
}

// remoteList shows each image of a remote list. docker names them by tag and digest.
func (c *manifestInspect) remoteList(ctx context.Context, a *app, src transfer.Source, ref reference.Reference, m manifest.Manifest) error {
	entries, err := entriesOf(ctx, src, ref, m)
	if err != nil {
		return err
	}
	for i := range entries {
		named := ref
		named.Digest = entries[i].Descriptor.Digest
		entries[i].Ref = named.String()
	}
	return printTabbed(a, entries)
}

// list shows a local list.
func (c *manifestInspect) list(a *app, entries []liststore.Entry) error {
	if c.verbose {
		return printTabbed(a, entries)
	}
	return printList(a, liststore.Index(entries))
}

// image shows one image manifest.
func (c *manifestInspect) image(a *app, e liststore.Entry) error {
	if c.verbose {
		return printTabbed(a, e)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, e.Raw, "", "\t"); err != nil {
		return err
	}
	_, err := fmt.Fprintln(a.stdout, out.String())
	return err
}

// printList shows a list in docker's layout. docker builds it anew from the images and so loses annotations; here the
// list's own entries are shown.
func printList(a *app, ix manifest.Index) error {
	raw, err := manifest.DockerStyle().Encode(ix)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.stdout, string(raw))
	return err
}

func printTabbed(a *app, v any) error {
	raw, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.stdout, string(raw))
	return err
}
