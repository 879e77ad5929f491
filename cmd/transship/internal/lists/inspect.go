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

// inspectCommand is the command manifest inspect.
type inspectCommand struct {
	at      *run.Remote
	verbose bool
}

func Inspect() run.Command {
	return run.Command{
		Name: "manifest inspect", Args: "[LIST] IMAGE", Min: 1, Max: 2,
		Short: "show an image manifest, or a manifest list, local or remote",
		Long: `Works as docker manifest inspect: the local list of that name goes first, then the registry is asked; with
LIST it shows the entry for IMAGE in a local list. transship inspect shows more, in fewer words.`,
		Example: `transship manifest inspect hczjl/halo:1.6`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &inspectCommand{at: manifestRemote(r, fs)}
			fs.BoolVar(&c.verbose, "verbose", false, "show reference, descriptor, raw bytes and manifest of each image")
			cli.Alias(fs, "v", "verbose")
			return c.run
		},
	}
}

func (c *inspectCommand) run(ctx context.Context, r *run.Run, args []string) error {
	ref, err := reference.Parse(args[len(args)-1])
	if err != nil {
		return err
	}
	c.at.Host = ref.Host()
	store, err := listStore(r.Env)
	if err != nil {
		return err
	}
	if len(args) == 2 {
		return c.entry(r, store, args[0], ref)
	}
	entries, err := store.List(ref.String())
	switch {
	case err == nil:
		return c.list(r, entries)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return c.remote(ctx, r, ref)
}

// entry shows one image of a local list.
func (c *inspectCommand) entry(r *run.Run, store liststore.Store, listArg string, image reference.Reference) error {
	list, err := reference.Parse(listArg)
	if err != nil {
		return err
	}
	e, err := store.Get(list.String(), image.String())
	if err != nil {
		return err
	}
	return c.image(r, e)
}

// remote shows what the registry has under the name.
func (c *inspectCommand) remote(ctx context.Context, r *run.Run, ref reference.Reference) error {
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
		return c.image(r, liststore.Entry{Raw: m.Raw})
	case !manifest.IsIndex(m.MediaType):
		e, err := entryOf(ctx, repo, ref, m)
		if err != nil {
			return err
		}
		return c.image(r, e)
	case c.verbose:
		return c.remoteList(ctx, r, repo, ref, m)
	}
	ix, err := m.Index()
	if err != nil {
		return err
	}
	return printList(r, ix)
}

// remoteList shows each image of a remote list. docker names them by tag and digest.
func (c *inspectCommand) remoteList(ctx context.Context, r *run.Run, src transfer.Source, ref reference.Reference, m manifest.Manifest) error {
	entries, err := entriesOf(ctx, src, ref, m)
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

// list shows a local list.
func (c *inspectCommand) list(r *run.Run, entries []liststore.Entry) error {
	if c.verbose {
		return printTabbed(r, entries)
	}
	return printList(r, liststore.Index(entries))
}

// image shows one image manifest.
func (c *inspectCommand) image(r *run.Run, e liststore.Entry) error {
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

// printList shows a list in docker's layout. docker builds it anew from the images and so loses annotations; here the
// list's own entries are shown.
func printList(r *run.Run, ix manifest.Index) error {
	raw, err := manifest.DockerStyle().Encode(ix)
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
