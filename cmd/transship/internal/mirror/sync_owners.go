package mirror

import (
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/distribution/reference"
)

// targetSet is what a run knows of the targets of lines that may have one in common.
type targetSet struct {
	mu     sync.Mutex
	owners map[targetKey]targetOwner                  // the image of each target: no two images may get one name
	lists  map[string]func() (map[string]bool, error) // by repository: the tags there, listed once, for --keep-existing
}

// textHash stands for a text in a map of many images.
type textHash [16]byte

func hashText(text string) textHash {
	sum := sha256.Sum256([]byte(text))
	return textHash(sum[:])
}

// targetKey is a target in the owners of a run.
type targetKey textHash

// keyOf returns the key of a target on a registry.
func keyOf(ref reference.Reference) targetKey {
	return hashTarget(image.TransportDocker + ref.String())
}

func hashTarget(text string) targetKey { return targetKey(hashText(text)) }

// targetOwner is the image that is copied to a target.
type targetOwner struct {
	identity textHash
	line     *syncLine
	ref      string // of the image; its name if the line does not select tags
}

// String returns the image's name.
func (t targetOwner) String() string {
	if t.line.source.Tags == nil {
		return t.ref
	}
	return t.line.source.Ref.WithTag(t.ref).Familiar()
}

// firstFor reports whether o, of a line, is the first image for target l. The same image again is no
// error; another image is.
func (s *syncRun) firstFor(line *syncLine, l image.Location, o image.Origin) (bool, error) {
	mine := targetOwner{hashText(o.Identity()), line, o.Ref}
	if line.source.Tags == nil {
		mine.ref = o.String()
	}
	owner, first := s.setOwner(l, o, mine)
	if !first && owner.identity != mine.identity {
		return false, fmt.Errorf("%s is copied there too", owner)
	}
	return first, nil
}

// setOwner returns the owner of target l, which is mine if it had none, and whether it had none.
func (s *syncRun) setOwner(l image.Location, o image.Origin, mine targetOwner) (owner targetOwner, first bool) {
	key := hashTarget(l.Placed().String())
	switch {
	case l.IsRegistry():
		key = keyOf(l.Ref)
	case l.IsWhole():
		as, _ := l.NameFor(o.Name) // a whole layout takes any name
		key = hashTarget(l.Placed().String() + " " + as.String())
	}
	known := mine.line.known
	known.mu.Lock()
	defer known.mu.Unlock()
	if owner, ok := known.owners[key]; ok {
		return owner, false
	}
	if known.owners == nil {
		known.owners = map[targetKey]targetOwner{}
	}
	known.owners[key] = mine
	if s.prune {
		s.keep(key)
	}
	return mine, true
}
