package inspect

import (
	"context"
	"flag"
	"fmt"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/manifest"
)

// digestCommand is digest and its flags.
type digestCommand struct {
	registry  *run.Remote
	platforms cli.PlatformList
}

// Digest returns the command digest.
func Digest() run.Command {
	return run.Command{
		Name: "digest", Args: "REF|FILE|DIR", Min: 1, Max: 1,
		Short: "print the digest of a tag, or of an image in a file",
		Long: `Sends one HEAD, which does not count against Docker Hub's pull limit; --platform reads the index.
REF is anything that copy takes as SRC, such as oci:DIR:IMAGE. Of a FILE or DIR it is the one image there.`,
		Example: `transship digest alpine:3.20
transship digest --platform linux/arm64 alpine:3.20
transship digest oci-archive:monday.tar:alpine:3.20`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &digestCommand{registry: registryFlags(fs, r)}
			fs.Var(&c.platforms, "platform", "print the digest of the image for this `platform` of an index, such as linux/arm64")
			r.JSONFlag(fs)
			return c.run
		},
	}
}

func (c *digestCommand) run(ctx context.Context, r *run.Run, args []string) error {
	if err := checkPlatforms(c.platforms); err != nil {
		return err
	}
	arg, err := imageArgument(args[0])
	if err != nil {
		return err
	}
	l, err := image.ParseLocation(arg)
	if err != nil {
		return err
	}
	out := &DigestDocument{Reference: referenceOf(l)}
	r.SetDocument(out)
	d, err := c.digest(ctx, r, l)
	if err != nil {
		return err
	}
	out.MediaType, out.Digest, out.Size = d.MediaType, d.Digest, max(d.Size, 0)
	if len(c.platforms) > 0 {
		out.Platform = &c.platforms[0]
	}
	fmt.Fprintln(r.Stdout, d.Digest)
	return nil
}

// digest returns the descriptor of the image at a location.
func (c *digestCommand) digest(ctx context.Context, r *run.Run, l image.Location) (manifest.Descriptor, error) {
	if l.IsRegistry() && len(c.platforms) == 0 {
		repo, err := c.registry.Repository(ctx, l.Ref, auth.Pull)
		if err != nil {
			return manifest.Descriptor{}, err
		}
		return repo.HeadManifest(ctx, l.Ref.Identifier())
	}
	o, err := (&image.Opener{Run: r}).Origin(ctx, c.registry, l)
	if err != nil {
		return manifest.Descriptor{}, err
	}
	defer o.Close()
	m, err := o.Manifest(ctx, o.Ref)
	if err == nil && len(c.platforms) > 0 {
		m, err = image.ChoosePlatform(ctx, o.Source, m, c.platforms[0])
	}
	return m.Descriptor, err
}
