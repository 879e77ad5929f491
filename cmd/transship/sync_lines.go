package main

import (
	"context"
	"errors"
	"slices"

	"github.com/hczjl/transship/distribution/reference"
)

// syncLine is a line of the list, read.
type syncLine struct {
	number int
	what   selection
	names  []reference.Reference // where its images go on registries, without a tag where they keep theirs
	local  []location            // layouts they go to
	far    farSide               // in place of both

	all     []string // the tags of the source that match, once they are listed
	unknown bool     // which images it means could not be found out
}

// lines reads the list, all of it before anything is asked for.
func (s *syncing) lines(ctx context.Context, a *app, args []string) ([]*syncLine, error) {
	entries, err := readList(ctx, a.stdin, s.list)
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
			return nil, badList(s.list, e.Line, err)
		}
		if line.what.pattern != "" && e.Latest == 0 {
			line.what.latest = int(s.latest)
		}
		s.firstHosts(line)
		out = append(out, line)
	}
	return out, nil
}

// parseSyncTarget reads the command's DST, if there is one.
func parseSyncTarget(args []string) (syncLine, error) {
	if len(args) == 0 {
		return syncLine{}, nil
	}
	if meansRegistry(args[0]) {
		far, err := parseFarSide(args[0])
		return syncLine{far: far}, err
	}
	all := syncLine{what: selection{pattern: "*"}} // whatever the lines mean
	err := all.addTarget(args[0])
	return syncLine{local: all.local}, err
}

func parseSyncLine(e listEntry, fallback syncLine) (*syncLine, error) {
	what, err := parseSelection(e.Source, e.Latest)
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
		if len(line.local) == 0 && line.far.base.Domain == "" {
			return nil, &usageError{message: e.Source + " has no DST", advice: "write one behind it, or give the command one for all"}
		}
	}
	return line, nil
}

// addTarget reads a DST.
func (l *syncLine) addTarget(text string) error {
	if meansRegistry(text) {
		name, err := parseNewName(text, l.what.several())
		l.names = append(l.names, name)
		return err
	}
	at, err := parseLocation(text)
	switch {
	case err != nil:
		return err
	case at.archive():
		return &usageError{message: text + " is a tar, which takes no more images", advice: "transship save -f LIST -o FILE.tar writes them into one"}
	case !at.whole() && l.what.several():
		return &usageError{message: "one name cannot name several images", advice: "leave it out, and they keep theirs"}
	}
	l.local = append(l.local, at)
	_, err = at.nameFor(reference.Reference{})
	return err
}

// firstHosts says which registries the flags for a source's and a target's accounts are for: the first of the list.
func (s *syncing) firstHosts(l *syncLine) {
	if s.src.host == "" {
		s.src.host = l.what.ref.Host()
	}
	for _, name := range l.names {
		if s.dst.host == "" {
			s.dst.host = name.Host()
		}
	}
	if s.dst.host == "" {
		s.dst.host = l.far.base.Host()
	}
}

// targets is where an image of the line goes.
func (l *syncLine) targets(name reference.Reference) ([]location, error) {
	var out []location
	for _, as := range l.names {
		out = append(out, location{transport: onRegistry, ref: renamed(name, as)})
	}
	for _, at := range l.local {
		out = append(out, at.calling(name))
	}
	if len(out) > 0 {
		return out, nil
	}
	if name.Path == "" {
		return nil, errors.New("the image has no name to go by: write its DST behind it")
	}
	ref, err := l.far.target(name)
	return []location{{transport: onRegistry, ref: ref}}, err
}

// mayFill tells whether images of the line may go to a repository.
func (l *syncLine) mayFill(ref reference.Reference) bool {
	into := func(name reference.Reference) bool { return name.Name() == ref.Name() }
	switch {
	case len(l.names) > 0 || len(l.local) > 0:
		return slices.ContainsFunc(l.names, into)
	case !l.what.registry():
		return true // whatever is in it
	}
	target, err := l.far.target(l.what.ref)
	return err == nil && into(target)
}

// repositories is where the tags of the line's repository go, on registries.
func (l *syncLine) repositories() ([]reference.Reference, error) {
	if len(l.names) > 0 || len(l.local) > 0 {
		return l.names, nil
	}
	ref, err := l.far.target(l.what.ref.WithTag("x"))
	ref.Tag = ""
	return []reference.Reference{ref}, err
}
