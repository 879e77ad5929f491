package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
)

// The statuses of an image in a sync.
const (
	SyncCopied    = "copied"
	SyncUnchanged = "unchanged"
	SyncKept      = "kept" // --keep-existing: the target has the tag
	SyncRemoved   = "removed"
	SyncFailed    = "failed"
)

// SyncResult is the outcome of one image at one target, as sync --json prints it.
type SyncResult struct {
	Line   int         `json:"line"`
	Source string      `json:"source,omitempty"`
	Target string      `json:"target,omitempty"` // "" if the line as a whole failed
	Status string      `json:"status"`
	Digest blob.Digest `json:"digest,omitempty"`
	Error  string      `json:"error,omitempty"`
}

// SyncReport is what sync --json prints.
type SyncReport struct {
	OK        bool         `json:"ok"` // nothing failed, and the run was not interrupted
	Copied    int          `json:"copied"`
	Unchanged int          `json:"unchanged"`
	Kept      int          `json:"kept,omitempty"`
	Removed   int          `json:"removed"`
	Failed    int          `json:"failed"`
	Seconds   float64      `json:"seconds"`
	Images    []SyncResult `json:"images"` // in the order of the list
	// LeftOut are the foreign layers that were not copied.
	LeftOut []SyncLayer `json:"leftOut,omitempty"`
}

// SyncLayer is a foreign layer in a [SyncReport].
type SyncLayer struct {
	Digest blob.Digest `json:"digest"`
	Size   int64       `json:"size"`
	URLs   []string    `json:"urls,omitempty"` // where the image says that it is
}

// finish records the result of an image and prints a failure at once. An image that an interrupt
// ended has neither succeeded nor failed and gets no result.
func (s *syncRun) finish(ctx context.Context, result SyncResult, err error) {
	if err != nil && ctx.Err() != nil {
		return
	}
	if err != nil {
		result.Status, result.Digest, result.Error = SyncFailed, "", cli.OneLine(err.Error())
		s.run.PrintFailure(fmt.Sprintf("line %d: %s", result.Line, result.title()), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.results = append(s.results, result)
	if err != nil {
		s.errs = append(s.errs, err)
	}
	s.state.update(result)
}

// title names the image in messages.
func (r SyncResult) title() string {
	switch {
	case r.Target == "":
		return r.Source
	case r.Source == "":
		return r.Target
	}
	return r.Source + " to " + r.Target
}

// report prints the results of all images.
func (s *syncRun) report(ctx context.Context) error {
	out := s.sum()
	out.OK = out.Failed == 0 && ctx.Err() == nil
	if s.asJSON {
		if err := cli.PrintJSON(s.run.Stdout, out); err != nil {
			return err
		}
	} else {
		s.printCopied(out)
	}
	defer s.printFailedAgain(out)
	synced := out.Copied + out.Unchanged + out.Kept
	s.run.NoteDone("synced %d image%s: %s%s", synced, cli.Plural(synced), out.counts(), s.show.BlobSummary("sent"))
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case out.Failed > 0:
		return s.run.Alike(&cli.PartialError{Failed: out.Failed, Total: len(out.Images), Errs: s.errs})
	}
	return nil
}

// printFailedAgain prints the failures once more, in the order of the list, after other lines have been
// printed since.
func (s *syncRun) printFailedAgain(out SyncReport) {
	if s.run.Quiet || s.run.Planning() || out.Failed == len(out.Images) {
		return
	}
	for _, result := range out.Images {
		if result.Status == SyncFailed {
			s.run.PrintFailure(fmt.Sprintf("line %d: %s", result.Line, result.title()), errors.New(result.Error))
		}
	}
}

// sum sorts and counts the results.
func (s *syncRun) sum() SyncReport {
	slices.SortStableFunc(s.results, func(a, b SyncResult) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), image.CompareVersions(a.Target, b.Target))
	})
	out := SyncReport{
		Seconds: time.Since(s.began).Seconds(),
		Images:  append([]SyncResult{}, s.results...), // in JSON [] rather than null
	}
	for _, d := range s.show.LeftOut() {
		out.LeftOut = append(out.LeftOut, SyncLayer{d.Digest, d.Size, d.URLs})
	}
	for _, result := range s.results {
		switch result.Status {
		case SyncCopied:
			out.Copied++
		case SyncUnchanged:
			out.Unchanged++
		case SyncKept:
			out.Kept++
		case SyncRemoved:
			out.Removed++
		case SyncFailed:
			out.Failed++
		}
	}
	return out
}

// printCopied prints the images that were copied, one a line.
func (s *syncRun) printCopied(out SyncReport) {
	for _, result := range out.Images {
		if result.Status == SyncCopied {
			name := strings.TrimSuffix(result.Target, "@"+string(result.Digest))
			fmt.Fprintf(s.run.Stdout, "%s@%s\n", name, result.Digest)
		}
	}
}

// counts returns the number of images of each status, followed by "; ", or "" if there are none.
func (s SyncReport) counts() string {
	var counts []string
	for _, of := range []struct {
		n      int
		status string
	}{{s.Copied, SyncCopied}, {s.Unchanged, SyncUnchanged}, {s.Kept, SyncKept}, {s.Removed, SyncRemoved}, {s.Failed, SyncFailed}} {
		if of.n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", of.n, of.status))
		}
	}
	if len(counts) == 0 {
		return ""
	}
	return strings.Join(counts, ", ") + "; "
}
