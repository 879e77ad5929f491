package transfer

import (
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// EventKind is what an [Event] is about.
type EventKind int

// The kinds of events, in the order in which they occur for one blob or image.
const (
	BlobFound       EventKind = iota + 1 // the target needs a blob
	BlobStarted                          // the engine starts to put a blob; Meter shows its progress
	BlobDone                             // the target has a blob; Outcome is how
	BlobFailed                           // a blob could not be put
	BlobLeftOut                          // a foreign layer is not copied
	ReferrerLeftOut                      // a manifest that refers to the image is not copied; Err is why
	ManifestDone                         // the target has a manifest; Outcome is Exists or Uploaded
	ImageDone                            // the target has the whole image under the tag or digest asked for
	TagMoved                             // the tag Ref pointed to another image before, Descriptor; it has no digest if that is no manifest
	TagKept                              // the tag Ref is left as it is, because of Keep; Descriptor is what it points to, empty if that is no manifest
	EntrySkipped                         // an entry of the index Ref is left out, as the source lacks it; it comes before all others
	BlobPut                              // one of several targets has a blob; Outcome is how. The BlobDone of all of them follows
)

// Event is one step of an engine.
type Event struct {
	Kind       EventKind
	Target     string              // the target's name
	Several    bool                // Target is several targets at once, and Outcome the most expensive of theirs
	Ref        string              // of manifests and images: the tag or digest they were put under; of ReferrerLeftOut a tag of cosign's, or ""
	Image      string              // of blobs: the name at the target of the image that they are copied for, as repo:tag; or ""
	Descriptor manifest.Descriptor // for an entry of an index as that has it, with platform and annotations
	Outcome    blob.Outcome        // for an image Exists if the tag already pointed at it
	Meter      *blob.Meter         // of blobs, from BlobStarted on
	Err        error               // of ReferrerLeftOut: fs.ErrNotExist, or a *SubjectError
}
