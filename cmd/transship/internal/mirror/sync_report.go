package mirror

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
)

// The statuses of an image in a sync.
const (
	SyncCopied    = image.StatusCopied
	SyncUnchanged = image.StatusUnchanged
	SyncKept      = image.StatusKept // --keep-existing: the target has the tag
	SyncRemoved   = image.StatusRemoved
	SyncFailed    = image.StatusFailed
)

// SyncResult is the outcome of one image at one target.
type SyncResult = image.Result

// SyncReport is what sync --json prints.
type SyncReport = image.Report

// finish records the result of an image and prints it at once. An image that an interrupt ended has
// neither succeeded nor failed and gets no result.
func (s *syncRun) finish(ctx context.Context, result SyncResult, err error) {
	if err != nil && ctx.Err() != nil {
		return
	}
	if err != nil {
		s.run.PrintFailure(title(result), err)
	}
	result = s.out.Add(result, err)
	if result.Status == SyncCopied {
		s.run.Result(result.Reference)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.errs = append(s.errs, err)
	}
	s.state.update(result)
}

// title names the image in messages, after its line of a list.
func title(r SyncResult) string {
	line := ""
	if r.Line > 0 {
		line = fmt.Sprintf("line %d: ", r.Line)
	}
	switch {
	case r.Target == "":
		return line + r.Source
	case r.Source == "":
		return line + r.Target
	}
	return line + r.Source + " to " + r.Target
}

// report prints the results of all images.
func (s *syncRun) report(ctx context.Context) error {
	out := s.out
	out.Sort()
	defer s.printFailedAgain(out)
	synced := out.Copied + out.Unchanged + out.Kept
	s.run.NoteDone("synced %d image%s: %s%s", synced, cli.Plural(synced), counts(out.Report), s.show.BlobSummary("sent"))
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case out.Failed > 0:
		return s.run.Alike(&cli.PartialError{Failed: out.Failed, Total: out.Total(), Errs: s.errs})
	}
	return nil
}

// printFailedAgain prints the failures once more, in the order of the list, after other lines have been
// printed since.
func (s *syncRun) printFailedAgain(out *image.Reporter) {
	if s.run.Quiet || s.run.Planning() || out.Failed == out.Total() {
		return
	}
	for _, result := range out.Images {
		if result.Status == SyncFailed {
			s.run.PrintFailure(title(result), errors.New(result.Error))
		}
	}
}

// counts returns the number of images of each status, followed by "; ", or "" if there are none.
func counts(s SyncReport) string {
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
