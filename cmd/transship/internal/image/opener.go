// Package image opens where the images of a command are: on registries, in OCI image layouts, and
// in tars. It reads what users write of them ([ParseLocation], [ParseSelection], [ReadList]) and
// shows the progress of a copy ([Progress]). Start from [Opener], which opens an [Origin] to copy
// from and a [Destination] to copy to.
package image

import (
	"sync"

	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
)

// Opener opens the images of a run. It keeps open what several images share. Its methods may be
// called concurrently.
type Opener struct {
	Run   *run.Run
	local localCache // for reading

	mu      sync.Mutex
	layouts map[string]*layout.Dir // for writing, by layout.Place
}

// NewCopyOpener returns an Opener for copies: before anything is copied, it also reads what the deltas of
// bundles are applied to. A plan reads no blobs.
func NewCopyOpener(r *run.Run) *Opener {
	return &Opener{Run: r, local: localCache{checkBases: !r.Planning()}}
}
