package main

import (
	"context"
	"flag"
	"fmt"
	"slices"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// copying is the command copy.
type copying struct {
	src, dst  *side
	platforms platformList
	flatten   bool
	referrers bool
	jobs      count
	chunk     byteSize
}

func copyCommand() command {
	return command{
		name: "copy", args: "SRC DST [DST...]", min: 2, max: -1,
		short: "copy an image with all its platforms to other repositories or registries",
		long: `Copies every manifest and blob as the bytes they are, so that all digests stay the same, and prints
DST@sha256:... on standard output. What the target has already is not sent again; inside one registry blobs
are mounted. The tag is put last: it never names an image that is not whole. With several DST the source is
read once for all; one that fails does not stop the others. --dst-creds, --dst-cert and --dst-plain-http then are
for the first DST's registry.`,
		example: `transship copy halohub/halo:1.6 registry.example.com/hczjl/halo:1.6
transship copy --platform linux/amd64,linux/arm64 alpine:3.20 localhost:5000/alpine:3.20`,
		setup: func(fs *flag.FlagSet, a *app) action {
			c := &copying{src: a.newSide(fs, "src", "the source"), dst: a.newSide(fs, "dst", "the target")}
			fs.Var(&c.platforms, "platform", "copy only these platforms of the image, as `os/arch[/variant],...`; may be repeated")
			fs.BoolVar(&c.flatten, "flatten", false, "copy the one image that is left as itself, not as a list with one entry")
			fs.BoolVar(&c.referrers, "referrers", false, "copy signatures, SBOMs and attestations that refer to the image too")
			c.jobs = transfer.DefaultJobs
			fs.Var(&c.jobs, "jobs", fmt.Sprintf("copy `N` blobs at a time (default %d)", c.jobs))
			fs.Var(&c.chunk, "chunk-size", "upload in chunks of this `size`, such as 8MiB (default: each blob in one request)")
			a.commonFlags(fs)
			a.verboseFlag(fs)
			return c.run
		},
	}
}

func (c *copying) run(ctx context.Context, a *app, args []string) error {
	from, err := reference.Parse(args[0])
	if err != nil {
		return err
	}
	to, err := parseTargets(args[1:])
	if err != nil {
		return err
	}
	if len(to) > 1 {
		return c.several(ctx, a, from, to)
	}
	return c.one(ctx, a, from, to[0])
}

// parseTargets reads the references that an image is copied to.
func parseTargets(args []string) ([]reference.Reference, error) {
	var to []reference.Reference
	for _, arg := range args {
		ref, err := reference.Parse(arg)
		if err != nil {
			return nil, err
		}
		if ref.Tag != "" && ref.Digest != "" {
			return nil, &usageError{message: "the target has a tag and a digest", hint: "give it one of the two; the digest is kept anyway"}
		}
		if slices.Contains(to, ref) {
			return nil, &usageError{message: fmt.Sprintf("%s is named twice as a target", ref.Familiar())}
		}
		to = append(to, ref)
	}
	return to, nil
}

func (c *copying) engine(show *progress) *transfer.Engine {
	return &transfer.Engine{Jobs: int(c.jobs), Platforms: c.platforms, Flatten: c.flatten, Referrers: c.referrers, OnEvent: show.event}
}

// one copies to a single target.
func (c *copying) one(ctx context.Context, a *app, from, to reference.Reference) error {
	src, dst, err := c.repositories(ctx, a, from, to)
	if err != nil {
		return err
	}
	show := a.newProgress()
	engine := c.engine(show)
	stop := show.start()
	d, err := engine.Copy(ctx, src, from.Identifier(), dst, to.Identifier())
	stop()
	if err != nil {
		return err
	}
	show.summary(from, to)
	to.Digest = d.Digest
	fmt.Fprintln(a.stdout, to.Familiar())
	return nil
}

// repositories connects both sides. Where they share a session on one registry, one token is asked for all that the
// copy does there.
func (c *copying) repositories(ctx context.Context, a *app, from, to reference.Reference) (src, dst *distribution.Repository, err error) {
	if src, err = a.repository(ctx, c.src, from, auth.Pull); err != nil {
		return nil, nil, err
	}
	if dst, err = a.repository(ctx, c.dst, to, auth.Pull, auth.Push); err != nil {
		return nil, nil, err
	}
	if src.Client == dst.Client {
		src.Scope = src.Scope.Union(dst.Scope)
		dst.Scope = src.Scope
	}
	dst.ChunkSize = int64(c.chunk)
	return src, dst, nil
}
