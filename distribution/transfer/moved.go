package transfer

import (
	"cmp"
	"fmt"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// ClobberError is the error of [Engine.NoClobber] for a tag that points to something else.
type ClobberError struct {
	Target string // its name
	Tag    string
	Have   blob.Digest // what the tag points to; "" if that is no manifest
	Want   blob.Digest // the image that was to be copied
}

// Error names the tag and both images.
func (e *ClobberError) Error() string {
	return fmt.Sprintf("%s: the tag %s is not moved from %s to %s", e.Target, e.Tag,
		cmp.Or(string(e.Have), "what is no image"), e.Want)
}

// moves reports whether to put root under as moves a tag that points to something else.
func moves(as string, have presence, root manifest.Manifest) bool {
	return have.exists && !have.is(root) && blob.Digest(as).Validate() != nil
}

// checkMove returns a *[ClobberError] for a tag that NoClobber does not let move.
func (e *Engine) checkMove(dst Target, as string, have presence, root manifest.Manifest) error {
	if !e.NoClobber || !moves(as, have, root) {
		return nil
	}
	return &ClobberError{Target: name(dst), Tag: as, Have: have.Digest, Want: root.Digest}
}

// reportMove emits a TagMoved for a tag that pointed to something else before it got root.
func (e *Engine) reportMove(dst Target, as string, have presence, root manifest.Manifest) {
	if moves(as, have, root) {
		e.emit(Event{Kind: TagMoved, Target: name(dst), Ref: as, Descriptor: have.Descriptor})
	}
}
