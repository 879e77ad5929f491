package main

import (
	"context"
	"flag"
	"fmt"

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
		name: "copy", args: "SRC DST", min: 2, max: 2,
		short: "copy an image with all its platforms to another repository or registry",
		long: `Copies every manifest and blob as the bytes they are, so that all digests stay the same, and prints
DST@sha256:... on standard output. What the target has already is not sent again; inside one registry blobs
are mounted. The tag is put last: it never names an image that is not whole.`,
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
	to, err := reference.Parse(args[1])
	if err != nil {
		return err
	}
	if to.Tag != "" && to.Digest != "" {
		return &usageError{message: "the target has a tag and a digest", hint: "give it one of the two; the digest is kept anyway"}
	}
	src, dst, err := c.repositories(ctx, a, from, to)
	if err != nil {
		return err
	}
	show := a.newProgress()
	engine := &transfer.Engine{Jobs: int(c.jobs), Platforms: c.platforms, Flatten: c.flatten, Referrers: c.referrers, OnEvent: show.event}
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
