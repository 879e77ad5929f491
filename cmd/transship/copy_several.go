package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// several copies to more than one target in one pass.
func (c *copying) several(ctx context.Context, a *app, from reference.Reference, to []reference.Reference) error {
	src, err := a.repository(ctx, c.src, from, auth.Pull)
	if err != nil {
		return err
	}
	destinations, err := c.destinations(ctx, a, src, to)
	if err != nil {
		return err
	}
	show := a.newProgress()
	engine := c.engine(show)
	stop := show.start()
	d, errs := engine.CopyAll(ctx, src, from.Identifier(), destinations...)
	stop()
	if common := inCommon(errs); common != nil || ctx.Err() != nil {
		return errors.Join(common, context.Cause(ctx))
	}
	return report(a, from, to, d, errs)
}

// destinations connects the targets. On the source's registry one token is asked for all that the copy does there.
func (c *copying) destinations(ctx context.Context, a *app, src *distribution.Repository, to []reference.Reference) ([]transfer.Destination, error) {
	var out []transfer.Destination
	at := c.dst
	for i, ref := range to {
		if i > 0 {
			at = c.dst.on(ref.Host())
		}
		dst, err := a.repository(ctx, at, ref, auth.Pull, auth.Push)
		if err != nil {
			return nil, err
		}
		if src.Client == dst.Client {
			dst.Scope = dst.Scope.Union(src.Scope)
		}
		dst.ChunkSize = int64(c.chunk)
		out = append(out, transfer.Destination{Target: dst, As: ref.Identifier()})
	}
	return out, nil
}

// inCommon returns the error that every target has, which then is not about any of them.
func inCommon(errs []error) error {
	for _, err := range errs {
		if err != errs[0] {
			return nil
		}
	}
	return errs[0]
}

// report prints what became of each target.
func report(a *app, from reference.Reference, to []reference.Reference, d manifest.Descriptor, errs []error) error {
	failed := 0
	for i, ref := range to {
		if errs[i] != nil {
			a.stderr.line("failed: %s: %s", ref.Familiar(), shorten(oneLine(errs[i].Error())))
			failed++
			continue
		}
		if !a.shared.quiet {
			a.stderr.line("copied %s to %s", from.Familiar(), ref.Familiar())
		}
		ref.Digest = d.Digest
		fmt.Fprintln(a.stdout, ref.Familiar())
	}
	if failed > 0 {
		return &partlyError{failed, len(to)}
	}
	return nil
}
