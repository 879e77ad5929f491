package benchcmd

import (
	"context"
	"fmt"
	"time"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/mix"
	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/openloop"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
)

const (
	maxPool        = 100_000 // blobs and manifests made for mounts and deletes without --yes
	maxOutstanding = 10_000
	steadySlices   = 30 // of a steady rate
	rampSteps      = 20
)

func (c *mixCommand) run(ctx context.Context, r *run.Run, args []string) error {
	if err := c.applyDefaults(); err != nil {
		return err
	}
	m, err := c.mix()
	if err != nil {
		return err
	}
	t, err := c.parseTargets(args)
	if err != nil {
		return err
	}
	if err := c.checkMix(ctx, r, t, m); err != nil {
		return err
	}
	defer t.close()
	if err := c.addDefaults(t); err != nil {
		return err
	}
	if err := c.readCredentials(ctx); err != nil {
		return err
	}
	return c.measureMix(ctx, r, t, m)
}

// mix returns the run without its content and its repositories.
func (c *mixCommand) mix() (*mix.Mix, error) {
	read := float64(c.read) / 100
	shares, err := c.scenarios.Shares(read)
	switch {
	case err != nil:
		return nil, &cli.UsageError{Message: err.Error(), Advice: "leave out --read, or name scenarios of both kinds with --scenario"}
	case time.Duration(c.length) < time.Second:
		return nil, &cli.UsageError{Message: fmt.Sprintf("--for %s is less than a second", &c.length)}
	case c.outstanding > maxOutstanding:
		return nil, &cli.UsageError{
			Message: fmt.Sprintf("%d operations at once are too many", c.outstanding),
			Advice:  fmt.Sprintf("the maximum is %d", maxOutstanding),
		}
	}
	most := steadySlices
	if c.rate.Ramps() {
		most = rampSteps
	}
	steps := max(min(most, int(time.Duration(c.length)/time.Second)), 2) // of a second or more
	return &mix.Mix{
		Shares: shares, Outstanding: int(c.outstanding), Tag: fmt.Sprintf("bench-%x", time.Now().UnixNano()),
		Schedule: openloop.Schedule{
			Warmup: time.Duration(c.warmup), Steps: openloop.Steps(c.rate.From, c.rate.To, time.Duration(c.length), steps),
		},
	}, nil
}

// checkMix announces the run and refuses one that exceeds the bounds, before any call.
func (c *mixCommand) checkMix(ctx context.Context, r *run.Run, t *targets, m *mix.Mix) error {
	at, host := farthestOf(ctx, t)
	bytes, total, length := c.mixBytes(m), m.Schedule.Total(), m.Schedule.Length()
	r.Note("%.0f operations in %s, at %s: about %s to move in all", total, cli.FormatDuration(length), &c.rate, cli.FormatBytes(bytes))
	switch {
	case c.yes:
	case bytes > maxBytes:
		return &boundsError{fmt.Sprintf("this moves about %s, which is more than 1 GiB", cli.FormatBytes(bytes))}
	case length > maxTime:
		return &boundsError{fmt.Sprintf("this takes %s, which is more than an hour", cli.FormatDuration(length))}
	case m.Pool() > maxPool:
		return &boundsError{fmt.Sprintf("this needs %d blobs and manifests to mount and delete", m.Pool())}
	case at == onPublic():
		return &boundsError{fmt.Sprintf("%s is not on this machine or a private network", host)}
	}
	return nil
}

// mixBytes estimates how many bytes the run moves.
func (c *mixCommand) mixBytes(m *mix.Mix) int64 {
	image, moved := int64(0), float64(c.images)
	for _, size := range c.sizes.sizes {
		image = mulAdd(image, 1, size)
	}
	for _, s := range m.Shares {
		if s.Scenario == mix.Pull || s.Scenario == mix.Push {
			moved += s.Of * m.Schedule.Total()
		}
	}
	return mulAdd(0, int64(moved), image)
}

// measureMix runs the mix and prints its results.
func (c *mixCommand) measureMix(ctx context.Context, r *run.Run, t *targets, m *mix.Mix) error {
	origin := c.origin(t)
	corpus, err := mix.NewCorpus(ctx, c.spec(origin.Seed), int(c.images))
	if err != nil {
		return err
	}
	origin.Corpus, m.Corpus = string(corpus.Digest()), corpus
	r.Note("seed %d, corpus %s", origin.Seed, origin.Corpus)
	t.images.set(corpus.Open)
	if m.Setup, err = c.repositories(ctx, t.refs[0], false); err != nil {
		return err
	}
	if m.Measured, err = c.repositories(ctx, t.refs[0], true); err != nil {
		return err
	}
	document := &mixDocument{}
	err = c.runMix(ctx, r, m, document, origin)
	left := m.Close(ctx)
	noteLeft(r, left)
	document.SetLeft(left)
	return err
}

// runMix prepares the registry and makes the calls.
func (c *mixCommand) runMix(ctx context.Context, r *run.Run, m *mix.Mix, d *mixDocument, origin bench.Origin) error {
	if err := m.Prepare(ctx); err != nil {
		return err
	}
	result, usage, err := m.Run(ctx)
	if err != nil {
		return err
	}
	d.Document = m.Document(origin, result, usage)
	r.SetDocument(d)
	if err := printMix(r, m, result, &d.Document); err != nil {
		return err
	}
	return mixError(m, result)
}

// mixDocument is what bench mix --json prints.
type mixDocument struct {
	cli.Outcome
	mix.Document
}

// repositories returns those of a run: with clients that repeat calls that fail, or that send each
// call once.
func (c *mixCommand) repositories(ctx context.Context, ref reference.Reference, once bool) (out mix.Repositories, err error) {
	for _, one := range []struct {
		suffix string
		repo   **distribution.Repository
	}{{"", &out.Main}, {"-pushed", &out.Pushed}, {"-mounted", &out.Mounted}} {
		at := c.registry.BindHost(ref.Host())
		at.Unlimited = true
		if once {
			at.Attempts = 1
		}
		named := ref
		named.Path += one.suffix
		if *one.repo, err = at.Repository(ctx, named, auth.Pull, auth.Push, auth.Delete); err != nil {
			return out, err
		}
	}
	return out, nil
}
