package image

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/cmd/transship/internal/tagselect"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
	"github.com/hczjl/transship/manifest/signature"
)

// The statuses of an image in a [Report].
const (
	StatusCopied    = "copied"
	StatusUnchanged = "unchanged" // the target had it already
	StatusKept      = "kept"      // --keep-existing: the target has the tag
	StatusRemoved   = "removed"   // sync --prune removed it from the target
	StatusFailed    = "failed"
)

// Result is the outcome of one image at one target, as commands that move images print it under
// --json.
type Result struct {
	Line      int         `json:"line,omitempty"` // of the list that names the image
	Source    string      `json:"source,omitempty"`
	Target    string      `json:"target,omitempty"` // "" if the source as a whole failed, and for the local store
	Status    string      `json:"status"`
	Reference string      `json:"reference,omitempty"` // the image at the target, by its digest
	MediaType string      `json:"mediaType,omitempty"`
	Digest    blob.Digest `json:"digest,omitempty"`
	Size      int64       `json:"size,omitempty"` // bytes of the manifest
	// Signature is what the policy of --require-signature says of the image.
	Signature *signature.Verdict `json:"signature,omitempty"`
	cli.Failure
}

// Report is what commands that move images print under --json.
type Report struct {
	cli.Outcome
	Shard     string      `json:"shard,omitempty"` // of --shard, such as 2/8
	Sizes     blob.Digest `json:"sizes,omitempty"` // of the file of --sizes
	Copied    int         `json:"copied"`
	Unchanged int         `json:"unchanged"`
	Kept      int         `json:"kept"`
	Removed   int         `json:"removed"`
	Failed    int         `json:"failed"`
	Seconds   float64     `json:"seconds"`
	Bytes     int64       `json:"bytes"` // of the blobs that were transferred
	// Images are in the order of the list or of the arguments. A run without --json has those alone that
	// failed, so that its memory does not grow with their number.
	Images []Result `json:"images"`
	// Manifests and Blobs are those that the targets have now, each once for a repository.
	Manifests []Moved `json:"manifests"`
	Blobs     []Moved `json:"blobs"`
	LeftOut   []Layer `json:"leftOut,omitempty"` // foreign layers that were not copied
	// Volumes are the files that save has written.
	Volumes []Volume `json:"volumes,omitempty"`
}

// Moved is a manifest or blob that a repository has now.
type Moved struct {
	// Repository is where it is; of a folder or tar it is PATH or PATH:NAME. It is "" for a manifest
	// that a copy has put to all of its several targets.
	Repository string             `json:"repository,omitempty"`
	MediaType  string             `json:"mediaType"`
	Digest     blob.Digest        `json:"digest"`
	Size       int64              `json:"size"`
	Platform   *manifest.Platform `json:"platform,omitempty"` // as the index has it
	Outcome    string             `json:"outcome"`            // present, mounted or uploaded
}

// Layer is a foreign layer that was not copied.
type Layer struct {
	Digest blob.Digest `json:"digest"`
	Size   int64       `json:"size"`
	URLs   []string    `json:"urls,omitempty"` // where the image says that it is
}

// Volume is a file that save has written.
type Volume struct {
	File   string      `json:"file"` // with the folder that -o names
	Size   int64       `json:"size"`
	Digest blob.Digest `json:"digest,omitempty"`
}

// Reporter makes the report of a run. [NewReporter] makes one. Its methods may be called
// concurrently.
type Reporter struct {
	Report

	run   *run.Run
	began time.Time
	mu    sync.Mutex
	took  float64                // seconds of the longest of merged reports
	known map[movedKey]int       // indexes in Manifests and Blobs
	had   map[string]bool        // images that the target had, by its name and the tag or digest there
	kept  map[string]blob.Digest // what tags that were kept point to, by the same
}

// movedKey identifies a manifest or blob in a [Reporter].
type movedKey struct {
	repository string
	digest     blob.Digest
	isBlob     bool
}

// NewReporter returns an empty report and makes it the run's document.
func NewReporter(r *run.Run) *Reporter {
	out := &Reporter{
		Report: Report{Images: []Result{}, Manifests: []Moved{}, Blobs: []Moved{}},
		run:    r, began: time.Now(), known: map[movedKey]int{}, had: map[string]bool{}, kept: map[string]blob.Digest{},
	}
	r.SetDocument(out)
	r.SetMeasures(out.measures)
	return out
}

// Add adds the result of an image that ended with err, and returns it. If it failed it has no
// digest. Without a Status it was copied.
func (r *Reporter) Add(result Result, err error) Result {
	if err != nil {
		result.Status, result.Failure = StatusFailed, r.run.Failure(err)
		result.MediaType, result.Digest, result.Size = "", "", 0
	}
	result.Status = cmp.Or(result.Status, StatusCopied)
	if result.Reference == "" && result.Digest != "" {
		result.Reference = strings.TrimSuffix(result.Target, "@"+string(result.Digest)) + "@" + string(result.Digest)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(result)
	return result
}

// add counts a result, and keeps it if it is to be printed once more.
func (r *Reporter) add(result Result) {
	switch result.Status {
	case StatusCopied:
		r.Copied++
	case StatusUnchanged:
		r.Unchanged++
	case StatusKept:
		r.Kept++
	case StatusRemoved:
		r.Removed++
	case StatusFailed:
		r.Failed++
	}
	if r.run.JSON || result.Status == StatusFailed {
		r.Images = append(r.Images, result)
	}
}

// Total returns the number of all results.
func (r *Reporter) Total() int { return r.Copied + r.Unchanged + r.Kept + r.Removed + r.Failed }

// Sort sorts the results by line, then by target as versions.
func (r *Reporter) Sort() {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortStableFunc(r.Images, func(a, b Result) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), tagselect.CompareVersions(a.Target, b.Target))
	})
}

// AddCopy adds an image that the engine has copied to a target under a tag or digest, or failed to.
// It tells from the engine's events whether the target had the image already.
func (r *Reporter) AddCopy(result Result, d manifest.Descriptor, to transfer.Target, as string, err error) {
	result.MediaType, result.Digest, result.Size = d.MediaType, d.Digest, d.Size
	at := fmt.Sprint(to) + " " + as
	r.mu.Lock()
	if r.had[at] {
		result.Status = StatusUnchanged
	}
	if have, kept := r.kept[at]; kept {
		result.Status, result.MediaType, result.Digest, result.Size = StatusKept, "", have, 0
	}
	r.mu.Unlock()
	r.Add(result, err)
}

// SetOutcome implements [run.Document].
func (r *Reporter) SetOutcome(o cli.Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Outcome, r.Seconds = o, cmp.Or(r.took, time.Since(r.began).Seconds())
	for _, list := range [][]Moved{r.Manifests, r.Blobs} {
		slices.SortStableFunc(list, func(a, b Moved) int { return strings.Compare(a.Repository, b.Repository) })
	}
}

// measures returns what the run has done, for --metrics.
func (r *Reporter) measures() run.Measures {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := run.Measures{Bytes: r.Bytes, Images: map[string]int{
		StatusCopied: r.Copied, StatusUnchanged: r.Unchanged, StatusKept: r.Kept, StatusRemoved: r.Removed, StatusFailed: r.Failed,
	}}
	for _, result := range r.Images {
		if result.Status == StatusFailed {
			m.Failures = append(m.Failures, result.ExitCode)
		}
	}
	return m
}

// Merge adds the report of another worker.
func (r *Reporter) Merge(other Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.took, r.Bytes = max(r.took, other.Seconds), r.Bytes+other.Bytes
	for _, result := range other.Images {
		r.add(result)
	}
	r.Manifests = append(r.Manifests, other.Manifests...)
	r.Blobs = append(r.Blobs, other.Blobs...)
	r.LeftOut = append(r.LeftOut, other.LeftOut...)
	r.Volumes = append(r.Volumes, other.Volumes...)
}

// event adds what an event of the engine says. Progress calls it.
func (r *Reporter) event(ev transfer.Event) {
	if !r.run.JSON && !r.run.HasMetrics() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch ev.Kind {
	case transfer.BlobDone, transfer.BlobPut:
		if ev.Several {
			return // each of them has its BlobPut
		}
		r.Blobs = r.addMoved(r.Blobs, ev, true)
		if ev.Outcome == blob.Uploaded {
			r.Bytes += ev.Descriptor.Size
		}
	case transfer.ManifestDone, transfer.ImageDone:
		if ev.Kind == transfer.ImageDone && ev.Outcome == blob.Exists {
			r.had[ev.Target+" "+ev.Ref] = true
		}
		r.Manifests = r.addMoved(r.Manifests, ev, false)
	case transfer.TagKept:
		r.kept[ev.Target+" "+ev.Ref] = ev.Descriptor.Digest
	case transfer.BlobLeftOut:
		d := ev.Descriptor
		if !slices.ContainsFunc(r.LeftOut, func(l Layer) bool { return l.Digest == d.Digest }) {
			r.LeftOut = append(r.LeftOut, Layer{d.Digest, d.Size, d.URLs})
		}
	}
}

// addMoved adds a manifest or blob to a list, unless its repository has it already by an earlier
// event, which told how it came there.
func (r *Reporter) addMoved(list []Moved, ev transfer.Event, isBlob bool) []Moved {
	if !r.run.JSON {
		return nil // --metrics has sums alone
	}
	d := ev.Descriptor
	key := movedKey{repositoryName(ev), d.Digest, isBlob}
	if i, again := r.known[key]; again {
		list[i].Platform = cmp.Or(list[i].Platform, d.Platform)
		return list
	}
	r.known[key] = len(list)
	outcome := map[blob.Outcome]string{
		blob.Exists: "present", blob.Mounted: "mounted", blob.Uploaded: "uploaded",
	}[ev.Outcome]
	return append(list, Moved{key.repository, d.MediaType, d.Digest, d.Size, d.Platform, outcome})
}

// repositoryName returns the name of an event's target, "" if it is several. That of a registry
// begins with its host.
func repositoryName(ev transfer.Event) string {
	host, path, ok := strings.Cut(ev.Target, "/")
	switch {
	case ev.Several:
		return ""
	case !ok || host == "":
		return ev.Target
	}
	return cli.RegistryName(host) + "/" + path
}
