package deletecmd

import (
	"context"
	"flag"
	"fmt"
	"slices"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
)

// deleteCommand is delete, its flags, and what it has deleted.
type deleteCommand struct {
	remote   *run.Remote
	manifest bool

	gone   map[string]bool // references, normalized
	report Report
}

// Deletion is what one REF has deleted, as delete --json prints it.
type Deletion struct {
	Reference string      `json:"reference"`
	Digest    blob.Digest `json:"digest"`   // of the manifest that the reference named
	Manifest  bool        `json:"manifest"` // the manifest is deleted, and not only the tag
	Tags      []string    `json:"tags"`     // that are deleted
}

// NotDeleted is a REF that could not be deleted.
type NotDeleted struct {
	Reference string `json:"reference"`
	cli.Failure
}

// Report is what delete --json prints.
type Report struct {
	cli.Outcome
	Deleted []Deletion   `json:"deleted"`
	Failed  []NotDeleted `json:"failed,omitempty"`
}

// Delete returns the command delete.
func Delete() run.Command {
	return run.Command{
		Name: "delete", Args: "REF [REF...]", Min: 1, Max: -1,
		Short: "delete a tag, or with --manifest an image and all its tags",
		Long: `A REF is REPOSITORY:TAG. Only that tag is deleted: the image keeps its digest and its other tags. A
registry that cannot do that refuses, and nothing is deleted then. --manifest deletes the digest that REF names, or
that its tag points to, with all its tags. It notes these tags first; to find them it asks for every tag of the
repository, one call each. The images of a deleted list and its signatures stay, and a list that names a deleted image
becomes incomplete. The registry frees the space when it collects garbage. Prints Untagged: REF for each tag, and
Deleted: REF for each digest.`,
		Example: `transship delete registry.example.com/team/app:1.5
transship delete --plan --manifest registry.example.com/team/app:1.5
transship delete --manifest registry.example.com/team/app@` + exampleDigest,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &deleteCommand{gone: map[string]bool{}}
			c.remote = r.RemoteFlags(fs, "", "the registry")
			fs.BoolVar(&c.manifest, "manifest", false, "delete the digest, and with it every tag that points to it")
			r.JSONFlag(fs)
			r.PlanFlag(fs)
			r.CommonFlags(fs)
			return c.run
		},
	}
}

const exampleDigest = "sha256:b1853f12feb4d788c8d48cff5ddce63969a8cd8ba8572790a07bfc0a77bfca2c"

func (c *deleteCommand) run(ctx context.Context, r *run.Run, args []string) error {
	c.report.Deleted = []Deletion{}
	r.SetDocument(&c.report)
	refs := map[string]reference.Reference{}
	for _, arg := range args { // all of them before the first call: a deletion cannot be undone
		ref, err := c.parse(arg)
		if err != nil {
			return err
		}
		refs[arg] = ref
	}
	err := cli.EachArg(ctx, r.Streams, args, func(ctx context.Context, arg string) error {
		err := c.delete(ctx, r, refs[arg])
		if err != nil && ctx.Err() == nil {
			c.report.Failed = append(c.report.Failed, NotDeleted{refs[arg].Familiar(), r.Failure(err)})
		}
		return err
	})
	return r.Alike(err)
}

// parse parses an argument, which must say what is to be deleted: no tag is assumed.
func (c *deleteCommand) parse(arg string) (reference.Reference, error) {
	ref, err := cli.ParseReference(arg)
	if err != nil {
		return ref, err
	}
	if _, err := cli.ParseRepository(arg); err == nil {
		return ref, &cli.UsageError{
			Message: fmt.Sprintf("%s names no tag", arg),
			Advice:  fmt.Sprintf("name the tag to delete, as in %s; transship tags lists them", ref.Familiar()),
		}
	}
	if ref.Digest != "" && !c.manifest {
		return ref, &cli.UsageError{
			Message: fmt.Sprintf("%s is a digest, which is deleted with all its tags", arg),
			Advice:  "give --manifest for that, or name only the tag to delete",
		}
	}
	if ref.Digest != "" {
		ref.Tag = "" // the digest identifies it
	}
	return ref, nil
}

// delete deletes what one argument names.
func (c *deleteCommand) delete(ctx context.Context, r *run.Run, ref reference.Reference) error {
	if c.gone[ref.String()] {
		r.Note("%s is deleted already", ref.Familiar())
		return nil
	}
	repo, err := c.remote.BindHost(ref.Host()).Repository(ctx, ref, auth.Pull, auth.Push, auth.Delete)
	if err != nil {
		return err
	}
	d, err := repo.HeadManifest(ctx, ref.Identifier())
	if err != nil {
		return err
	}
	done := Deletion{Reference: ref.Familiar(), Digest: d.Digest, Manifest: c.manifest}
	if c.manifest {
		done.Tags, err = c.deleteManifest(ctx, r, repo, ref, d.Digest)
	} else {
		done.Tags, err = []string{ref.Tag}, repo.DeleteTag(ctx, ref.Tag)
	}
	if err == nil {
		c.finish(r, ref, done)
	}
	return err
}

// deleteManifest prints the tags of the digest that ref names, deletes it, and returns the tags.
func (c *deleteCommand) deleteManifest(
	ctx context.Context, r *run.Run, repo *distribution.Repository, ref reference.Reference, d blob.Digest,
) ([]string, error) {
	tags, err := tagsOf(ctx, repo, d, r.ParallelImages(0))
	if err == nil && ref.Tag != "" && !slices.Contains(tags, ref.Tag) {
		err = fmt.Errorf("the registry does not list %s itself", ref.Tag)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is not deleted, since the tags that would go with it are not known: %w",
			ref.Familiar(), err)
	}
	for _, tag := range tags {
		r.Note("goes with the digest: %s", ref.WithTag(tag).Familiar())
	}
	return tags, repo.DeleteManifest(ctx, d)
}

// finish notes and prints what is deleted, as docker prints it.
func (c *deleteCommand) finish(r *run.Run, ref reference.Reference, done Deletion) {
	c.report.Deleted = append(c.report.Deleted, done)
	for _, tag := range done.Tags {
		c.gone[ref.WithTag(tag).String()] = true
		fmt.Fprintf(r.Stdout, "Untagged: %s@%s\n", ref.WithTag(tag).Familiar(), done.Digest)
	}
	if !done.Manifest {
		return
	}
	byDigest := ref.WithDigest(done.Digest)
	c.gone[byDigest.String()] = true
	fmt.Fprintln(r.Stdout, "Deleted:", byDigest.Familiar())
}
