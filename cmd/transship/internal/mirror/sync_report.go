package mirror

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
)

// What became of an image in a sync.
const (
	SyncCopied    = "copied"
	SyncUnchanged = "unchanged"
	SyncRemoved   = "removed"
	SyncFailed    = "failed"
)

// SyncResult is what became of one image at one target, as sync --json prints it.
type SyncResult struct {
	Line   int         `json:"line"`
	Source string      `json:"source,omitempty"`
	Target string      `json:"target,omitempty"` // without one the line as a whole failed
	Status string      `json:"status"`
	Digest blob.Digest `json:"digest,omitempty"`
	Error  string      `json:"error,omitempty"`
}

// SyncReport is the whole.
type SyncReport struct {
	OK        bool         `json:"ok"` // nothing failed, and all was looked at
	Copied    int          `json:"copied"`
	Unchanged int          `json:"unchanged"`
	Removed   int          `json:"removed"`
	Failed    int          `json:"failed"`
	Seconds   float64      `json:"seconds"`
	Images    []SyncResult `json:"images"` // in the order of the list
}

// note takes a result, and says at once what failed. What an interrupt ended is neither done nor failed.
func (r *syncRun) note(ctx context.Context, result SyncResult, err error) {
	if err != nil && ctx.Err() != nil {
		return
	}
	if err != nil {
		result.Status, result.Digest, result.Error = SyncFailed, "", cli.OneLine(err.Error())
		r.run.Failed(fmt.Sprintf("line %d: %s", result.Line, result.what()), err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results = append(r.results, result)
	r.state.note(result)
}

// what is the result's image for people.
func (r SyncResult) what() string {
	switch {
	case r.Target == "":
		return r.Source
	case r.Source == "":
		return r.Target
	}
	return r.Source + " to " + r.Target
}

// report prints what became of all images.
func (r *syncRun) report(ctx context.Context) error {
	out := r.summed()
	out.OK = out.Failed == 0 && ctx.Err() == nil
	if r.asJSON {
		if err := cli.PrintJSON(r.run.Stdout, out); err != nil {
			return err
		}
	} else {
		r.printMoved(out)
	}
	synced := out.Copied + out.Unchanged
	r.run.NoteDone("synced %d image%s: %s%s", synced, cli.Plural(synced), out.counts(), r.show.Amount("sent"))
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case out.Failed > 0:
		return &cli.PartialError{Failed: out.Failed, Of: len(out.Images)}
	}
	return nil
}

// summed sorts and counts the results.
func (r *syncRun) summed() SyncReport {
	slices.SortStableFunc(r.results, func(a, b SyncResult) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), image.CompareVersions(a.Target, b.Target))
	})
	out := SyncReport{Seconds: time.Since(r.began).Seconds(), Images: append([]SyncResult{}, r.results...)} // in JSON [] rather than null
	for _, result := range r.results {
		switch result.Status {
		case SyncCopied:
			out.Copied++
		case SyncUnchanged:
			out.Unchanged++
		case SyncRemoved:
			out.Removed++
		case SyncFailed:
			out.Failed++
		}
	}
	return out
}

// printMoved prints the images that are new at their targets.
func (r *syncRun) printMoved(out SyncReport) {
	for _, result := range out.Images {
		if result.Status == SyncCopied {
			fmt.Fprintf(r.run.Stdout, "%s@%s\n", strings.TrimSuffix(result.Target, "@"+string(result.Digest)), result.Digest)
		}
	}
}

// counts says how many of each there are, with what parts that from the rest of the line.
func (s SyncReport) counts() string {
	var parts []string
	for _, part := range []struct {
		n    int
		word string
	}{{s.Copied, SyncCopied}, {s.Unchanged, SyncUnchanged}, {s.Removed, SyncRemoved}, {s.Failed, SyncFailed}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.word))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + "; "
}
