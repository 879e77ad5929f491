package mirror

import (
	"context"
	"slices"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/cmd/transship/internal/tagselect"
	"github.com/hczjl/transship/distribution/reference"
)

// syncLine is a line of the list: what it copies, and where to.
type syncLine struct {
	number int
	source image.Selection
	lock   *image.LockLine       // of the list's line, also if source is a part of it
	names  []reference.Reference // its targets on registries; without a tag the images keep theirs
	local  []image.Location      // its target layouts
	far    image.RegistryPrefix  // its target if it has neither names nor local
	// prefixes are the targets of a pattern of repositories, which keep their names below them.
	prefixes []image.RegistryPrefix

	known    *targetSet  // of all lines that may copy to one of its targets
	parts    []*syncLine // of a pattern of repositories: a line for each repository, once listed, for --prune
	unlisted bool        // listing the source failed: the line's images are unknown
	// elsewhere reports that another worker of --shard takes the line. Its images are unknown here.
	elsewhere bool
}

// lines parses the whole list before any call is made.
func (c *syncCommand) lines(ctx context.Context, r *run.Run, lock *image.Lock, args []string) ([]*syncLine, error) {
	entries, args, err := c.entries(ctx, r, args)
	if err != nil {
		return nil, err
	}
	fallback, err := parseSyncTarget(args)
	if err != nil {
		return nil, err
	}
	fallback.far.Rewrites = c.rewrites
	var out []*syncLine
	known := new(targetSet)
	bad := image.ListErrors{File: c.list, Streams: r.Streams}
	for _, e := range entries {
		line, err := parseSyncLine(e, fallback)
		if err == nil {
			line.source, err = line.source.InShard(c.shard)
		}
		if err != nil {
			bad.Add(e.Line, err)
			continue
		}
		line.elsewhere = line.source.OtherShard()
		if line.source.Tags != nil && e.Latest == 0 {
			line.source.Latest = int(c.latest)
		}
		line.known, line.source.Others = known, c.prune
		line.lock, err = lock.Line(line.source)
		bad.Add(e.Line, err)
		for i := range line.prefixes {
			line.prefixes[i].Rewrites = c.rewrites
		}
		c.bindHosts(line)
		out = append(out, line)
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	if len(out) == 1 && out[0].keepsApart() {
		out[0].known = nil // each part has its own
	}
	return out, c.checkRewrites(out)
}

// keepsApart reports whether the line copies no two repositories of a pattern to one.
func (l *syncLine) keepsApart() bool {
	prefixes := l.prefixes
	if len(prefixes) == 0 && len(l.local) == 0 {
		prefixes = []image.RegistryPrefix{l.far}
	}
	return l.source.Repositories != "" && len(prefixes) == 1 && prefixes[0].KeepsApart()
}

// entries reads the list, or makes that of --all, and returns the arguments without what is in it.
func (c *syncCommand) entries(ctx context.Context, r *run.Run, args []string) ([]image.ListEntry, []string, error) {
	if !c.all {
		entries, err := image.ReadList(ctx, r.Stdin, c.list)
		return entries, args, err
	}
	source := strings.TrimSuffix(args[0], "/")
	if !image.IsRegistryRef(args[0]) || !image.IsRegistryRef(args[1]) {
		return nil, nil, &cli.UsageError{
			Message: "--all copies from one registry to another",
			Advice:  "transship sync --all SRC-HOST[/PREFIX] DST-HOST[/PREFIX]; a list with -f takes folders and tars too",
		}
	}
	if !strings.ContainsAny(source, "*?[") {
		source += "/**"
	}
	return []image.ListEntry{{Source: source, Targets: args[1:]}}, nil, nil
}

// checkRewrites returns an error if --rewrite applies to no line.
func (c *syncCommand) checkRewrites(lines []*syncLine) error {
	rewritten := func(l *syncLine) bool {
		return len(l.prefixes) > 0 || len(l.names)+len(l.local) == 0
	}
	if len(c.rewrites) == 0 || slices.ContainsFunc(lines, rewritten) {
		return nil
	}
	return &cli.UsageError{
		Message: "--rewrite is for images below REGISTRY[/PREFIX], and every line of the list has its own targets",
		Advice:  "write the new names as DST into the list, or give the command a DST",
	}
}

// parseSyncTarget parses the command's DST, if there is one, into a line without a source.
func parseSyncTarget(args []string) (syncLine, error) {
	if len(args) == 0 {
		return syncLine{}, nil
	}
	if image.IsRegistryRef(args[0]) {
		far, err := image.ParseRegistryPrefix(args[0])
		return syncLine{far: far}, err
	}
	line := syncLine{source: image.Selection{Tags: new(tagselect.Selector)}} // DST must be able to take several images
	err := line.addTarget(args[0])
	return syncLine{local: line.local}, err
}

func parseSyncLine(e image.ListEntry, fallback syncLine) (*syncLine, error) {
	source, err := image.ParseSelection(e)
	if err != nil {
		return nil, err
	}
	line := &syncLine{number: e.Line, source: source}
	for _, text := range e.Targets {
		if err := line.addTarget(text); err != nil {
			return nil, err
		}
	}
	if len(e.Targets) == 0 {
		line.local, line.far = fallback.local, fallback.far
		if len(line.local) == 0 && line.far.Base.Domain == "" {
			return nil, &cli.UsageError{
				Message: e.Source + " has no DST",
				Advice:  "write one after it, or give the command a DST for all lines",
			}
		}
	}
	return line, nil
}

// addTarget parses a DST and adds it.
func (l *syncLine) addTarget(text string) error {
	if image.IsRegistryRef(text) && l.source.Repositories != "" {
		prefix, err := image.ParseRegistryPrefix(text)
		l.prefixes = append(l.prefixes, prefix)
		return err
	}
	if image.IsRegistryRef(text) {
		name, err := image.ParseNewName(text, l.source.MayBeSeveral())
		l.names = append(l.names, name)
		return err
	}
	at, err := image.ParseLocation(text)
	switch {
	case err != nil:
		return err
	case at.IsArchive():
		return &cli.UsageError{
			Message: text + " is a tar, to which no images can be added",
			Advice:  "transship save -f LIST -o FILE.tar writes the images of a list to a tar",
		}
	case !at.IsWhole() && l.source.MayBeSeveral():
		return &cli.UsageError{
			Message: "one name cannot name several images",
			Advice:  "leave it out; the images keep their own",
		}
	}
	l.local = append(l.local, at)
	_, err = at.NameFor(reference.Reference{})
	return err
}

// bindHosts makes the --src and --dst flags apply to the first source and the first target registry
// of the list.
func (c *syncCommand) bindHosts(l *syncLine) {
	if c.src.Host == "" {
		c.src.Host = l.source.Ref.Host()
	}
	for _, name := range l.names {
		if c.dst.Host == "" {
			c.dst.Host = name.Host()
		}
	}
	for _, prefix := range append(l.prefixes, l.far) {
		if c.dst.Host == "" && prefix.Base.Domain != "" {
			c.dst.Host = prefix.Base.Host()
		}
	}
}

// part returns the line for one repository of a pattern of repositories.
func (l *syncLine) part(tags image.TagList) (*syncLine, error) {
	part := &syncLine{
		number: l.number, source: tags.Selection, lock: l.lock, local: l.local, far: l.far, known: l.known,
		elsewhere: tags.Elsewhere,
	}
	if part.known == nil {
		part.known = new(targetSet)
	}
	for _, prefix := range l.prefixes {
		name, err := prefix.Target(tags.Ref)
		if err != nil {
			return part, err
		}
		part.names = append(part.names, name)
	}
	return part, nil
}

// addPart adds the line for one repository, unless that is the line itself.
func (l *syncLine) addPart(part *syncLine) {
	if part != l {
		l.parts = append(l.parts, part)
	}
}

// targets returns the locations that the line's image of that name is copied to.
func (l *syncLine) targets(name reference.Reference) ([]image.Location, error) {
	var out []image.Location
	for _, as := range l.names {
		out = append(out, image.Location{Transport: image.TransportDocker, Ref: image.Renamed(name, as)})
	}
	for _, at := range l.local {
		out = append(out, at.WithName(name))
	}
	if len(out) > 0 {
		return out, nil
	}
	if name.Path == "" {
		return nil, &cli.UsageError{Message: "the image has no name: write its DST after it"}
	}
	ref, err := l.far.Target(name)
	return []image.Location{{Transport: image.TransportDocker, Ref: ref}}, err
}

// mayTarget reports whether an image of the line may be copied to the repository of ref.
func (l *syncLine) mayTarget(ref reference.Reference) bool {
	same := func(name reference.Reference) bool { return name.Name() == ref.Name() }
	switch {
	case l.source.Repositories != "":
		return true // its repositories are unknown
	case len(l.names) > 0 || len(l.local) > 0:
		return slices.ContainsFunc(l.names, same)
	case !l.source.IsRegistry():
		return true // a layout or tar may hold images of any name
	}
	target, err := l.far.Target(l.source.Ref)
	return err == nil && same(target)
}

// repositories returns the repositories on registries that the tags of the line's source are copied
// to.
func (l *syncLine) repositories() ([]reference.Reference, error) {
	if len(l.names) > 0 || len(l.local) > 0 {
		return l.names, nil
	}
	ref, err := l.far.Target(l.source.Ref.WithTag("x"))
	ref.Tag = ""
	return []reference.Reference{ref}, err
}
