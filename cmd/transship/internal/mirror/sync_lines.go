package mirror

import (
	"context"
	"errors"
	"slices"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
)

// syncLine is a line of the list, read.
type syncLine struct {
	number int
	what   image.Selection
	names  []reference.Reference // where its images go on registries, without a tag where they keep theirs
	local  []image.Location      // layouts they go to
	far    image.FarSide         // in place of both

	all     []string // the tags of the source that match, once they are listed
	unknown bool     // which images it means could not be found out
}

// lines reads the list, all of it before anything is asked for.
func (c *syncCommand) lines(ctx context.Context, r *run.Run, args []string) ([]*syncLine, error) {
	entries, err := image.ReadList(ctx, r.Stdin, c.list)
	if err != nil {
		return nil, err
	}
	fallback, err := parseSyncTarget(args)
	if err != nil {
		return nil, err
	}
	var out []*syncLine
	for _, e := range entries {
		line, err := parseSyncLine(e, fallback)
		if err != nil {
			return nil, image.BadList(c.list, e.Line, err)
		}
		if line.what.Pattern != "" && e.Latest == 0 {
			line.what.Latest = int(c.latest)
		}
		c.firstHosts(line)
		out = append(out, line)
	}
	return out, nil
}

// parseSyncTarget reads the command's DST, if there is one.
func parseSyncTarget(args []string) (syncLine, error) {
	if len(args) == 0 {
		return syncLine{}, nil
	}
	if image.MeansRegistry(args[0]) {
		far, err := image.ParseFarSide(args[0])
		return syncLine{far: far}, err
	}
	all := syncLine{what: image.Selection{Pattern: "*"}} // whatever the lines mean
	err := all.addTarget(args[0])
	return syncLine{local: all.local}, err
}

func parseSyncLine(e image.ListEntry, fallback syncLine) (*syncLine, error) {
	what, err := image.ParseSelection(e.Source, e.Latest)
	if err != nil {
		return nil, err
	}
	line := &syncLine{number: e.Line, what: what}
	for _, text := range e.Targets {
		if err := line.addTarget(text); err != nil {
			return nil, err
		}
	}
	if len(e.Targets) == 0 {
		line.local, line.far = fallback.local, fallback.far
		if len(line.local) == 0 && line.far.Base.Domain == "" {
			return nil, &cli.UsageError{Message: e.Source + " has no DST", Advice: "write one behind it, or give the command one for all"}
		}
	}
	return line, nil
}

// addTarget reads a DST.
func (l *syncLine) addTarget(text string) error {
	if image.MeansRegistry(text) {
		name, err := image.ParseNewName(text, l.what.Several())
		l.names = append(l.names, name)
		return err
	}
	at, err := image.ParseLocation(text)
	switch {
	case err != nil:
		return err
	case at.Archive():
		return &cli.UsageError{Message: text + " is a tar, which takes no more images", Advice: "transship save -f LIST -o FILE.tar writes them into one"}
	case !at.Whole() && l.what.Several():
		return &cli.UsageError{Message: "one name cannot name several images", Advice: "leave it out, and they keep theirs"}
	}
	l.local = append(l.local, at)
	_, err = at.NameFor(reference.Reference{})
	return err
}

// firstHosts says which registries the flags for a source's and a target's accounts are for: the first of the list.
func (c *syncCommand) firstHosts(l *syncLine) {
	if c.src.Host == "" {
		c.src.Host = l.what.Ref.Host()
	}
	for _, name := range l.names {
		if c.dst.Host == "" {
			c.dst.Host = name.Host()
		}
	}
	if c.dst.Host == "" {
		c.dst.Host = l.far.Base.Host()
	}
}

// targets is where an image of the line goes.
func (l *syncLine) targets(name reference.Reference) ([]image.Location, error) {
	var out []image.Location
	for _, as := range l.names {
		out = append(out, image.Location{Transport: image.OnRegistry, Ref: image.Renamed(name, as)})
	}
	for _, at := range l.local {
		out = append(out, at.WithName(name))
	}
	if len(out) > 0 {
		return out, nil
	}
	if name.Path == "" {
		return nil, errors.New("the image has no name to go by: write its DST behind it")
	}
	ref, err := l.far.Target(name)
	return []image.Location{{Transport: image.OnRegistry, Ref: ref}}, err
}

// mayFill tells whether images of the line may go to a repository.
func (l *syncLine) mayFill(ref reference.Reference) bool {
	into := func(name reference.Reference) bool { return name.Name() == ref.Name() }
	switch {
	case len(l.names) > 0 || len(l.local) > 0:
		return slices.ContainsFunc(l.names, into)
	case !l.what.Registry():
		return true // whatever is in it
	}
	target, err := l.far.Target(l.what.Ref)
	return err == nil && into(target)
}

// repositories is where the tags of the line's repository go, on registries.
func (l *syncLine) repositories() ([]reference.Reference, error) {
	if len(l.names) > 0 || len(l.local) > 0 {
		return l.names, nil
	}
	ref, err := l.far.Target(l.what.Ref.WithTag("x"))
	ref.Tag = ""
	return []reference.Reference{ref}, err
}
