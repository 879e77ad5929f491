package lists

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/lists/liststore"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// inspectCommand is manifest inspect and its flags.
type inspectCommand struct {
	registry *run.Remote
	verbose  bool
}

// Inspect returns the command manifest inspect.
func Inspect() run.Command {
	return run.Command{
		Name: "manifest inspect", Args: "[LIST] IMAGE", Min: 1, Max: 2,
		Short: "show an image manifest, or a manifest list, local or remote",
		Long: `Works like docker manifest inspect: it shows the local list of that name, or else what the registry has.
With LIST it shows the entry for IMAGE in that local list. transship inspect shows more, in fewer words.`,
		Example: `transship manifest inspect hczjl/halo:1.6`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &inspectCommand{registry: registryFlags(r, fs)}
			fs.BoolVar(&c.verbose, "verbose", false, "show reference, descriptor, raw bytes and manifest of each image")
			cli.Alias(fs, "v", "verbose")
			return c.run
		},
	}
}

func (c *inspectCommand) run(ctx context.Context, r *run.Run, args []string) error {
	ref, err := cli.ParseReference(args[len(args)-1])
	if err != nil {
		return err
	}
	c.registry.Host = ref.Host()
	store, err := listStore(r.Env)
	if err != nil {
		return err
	}
	if len(args) == 2 {
		return c.printEntry(r, store, args[0], ref)
	}
	entries, err := store.List(ref.String())
	switch {
	case err == nil:
		return c.printLocal(r, entries)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return c.printRemote(ctx, r, ref)
}

// printEntry prints one image of a local list.
func (c *inspectCommand) printEntry(r *run.Run, store liststore.Store, listArg string,
	image reference.Reference) error {
	list, err := reference.Parse(listArg)
	if err != nil {
		return err
	}
	e, err := store.Get(list.String(), image.String())
	if err != nil {
		return err
	}
	return c.printImage(r, e)
}

// printRemote prints what the registry has under the name.
func (c *inspectCommand) printRemote(ctx context.Context, r *run.Run, ref reference.Reference) error {
	repo, err := pullRepository(ctx, c.registry, ref)
	if err != nil {
		return err
	}
	m, err := repo.Manifest(ctx, ref.Identifier())
	if err != nil {
		return noSuchManifest(ref, err)
	}
	switch {
	case !manifest.IsIndex(m.MediaType) && !c.verbose:
		return c.printImage(r, liststore.Entry{Raw: m.Raw})
	case !manifest.IsIndex(m.MediaType):
		e, err := imageEntry(ctx, repo, ref, m)
		if err != nil {
			return err
		}
		return c.printImage(r, e)
	case c.verbose:
		return printRemoteEntries(ctx, r, repo, ref, m)
	}
	ix, err := m.Index()
	if err != nil {
		return err
	}
	return printList(r, ix)
}

// printRemoteEntries prints each image of a remote list, named by tag and digest as docker does.
func printRemoteEntries(ctx context.Context, r *run.Run, src transfer.Source, ref reference.Reference,
	m manifest.Manifest) error {
	entries, err := listEntries(ctx, src, ref, m, 0)
	if err != nil {
		return err
	}
	for i := range entries {
		named := ref
		named.Digest = entries[i].Descriptor.Digest
		entries[i].Ref = named.String()
	}
	return printTabbed(r, entries)
}

// printLocal prints a local list.
func (c *inspectCommand) printLocal(r *run.Run, entries []liststore.Entry) error {
	if c.verbose {
		return printTabbed(r, entries)
	}
	return printList(r, liststore.Index(entries))
}

// printImage prints one image manifest.
func (c *inspectCommand) printImage(r *run.Run, e liststore.Entry) error {
	if c.verbose {
		return printTabbed(r, e)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, e.Raw, "", "\t"); err != nil {
		return err
	}
	_, err := fmt.Fprintln(r.Stdout, out.String())
	return err
}

// printList prints a list in docker's layout, with the list's own entries. docker builds them anew
// from the images and loses annotations.
func printList(r *run.Run, ix manifest.Index) error {
	raw, err := manifest.DockerStyle().EncodeIndex(ix)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(r.Stdout, string(raw))
	return err
}

func printTabbed(r *run.Run, v any) error {
	raw, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(r.Stdout, string(raw))
	return err
}
