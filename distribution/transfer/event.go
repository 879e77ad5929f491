package transfer

import (
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Kind tells what an [Event] is about.
type Kind int

// The kinds of events, in the order in which they come for one blob or image.
const (
	BlobFound    Kind = iota + 1 // a blob is needed at the target
	BlobStarted                  // a blob is about to be put; Meter shows how far it has come
	BlobDone                     // a blob is at the target; Outcome says how it came to be there
	BlobFailed                   // a blob could not be put
	ManifestDone                 // a manifest is at the target; Outcome is Exists or Uploaded
	ImageDone                    // an image is whole at the target under the reference that was asked for
)

// Event is something an engine did.
type Event struct {
	Kind       Kind
	Target     string              // the target's name
	Ref        string              // of manifests and images: the tag or digest they were put under
	Descriptor manifest.Descriptor // of an entry of an index as it stands there, with platform and annotations
	Outcome    blob.Outcome        // how it came to be there; of an image Exists when the tag named it already
	Meter      *blob.Meter         // of a blob
}
