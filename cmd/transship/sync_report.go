package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hczjl/transship/blob"
)

// What became of an image in a sync.
const (
	syncCopied    = "copied"
	syncUnchanged = "unchanged"
	syncRemoved   = "removed"
	syncFailed    = "failed"
)

// syncResult is what became of one image at one target, as sync --json prints it.
type syncResult struct {
	Line   int         `json:"line"`
	Source string      `json:"source,omitempty"`
	Target string      `json:"target,omitempty"` // without one the line as a whole failed
	Status string      `json:"status"`
	Digest blob.Digest `json:"digest,omitempty"`
	Error  string      `json:"error,omitempty"`
}

// syncReport is the whole.
type syncReport struct {
	OK        bool         `json:"ok"` // nothing failed, and all was looked at
	Copied    int          `json:"copied"`
	Unchanged int          `json:"unchanged"`
	Removed   int          `json:"removed"`
	Failed    int          `json:"failed"`
	Seconds   float64      `json:"seconds"`
	Images    []syncResult `json:"images"` // in the order of the list
}

// note takes a result, and says at once what failed. What an interrupt ended is neither done nor failed.
func (r *syncRun) note(ctx context.Context, result syncResult, err error) {
	if err != nil && ctx.Err() != nil {
		return
	}
	if err != nil {
		result.Status, result.Digest, result.Error = syncFailed, "", oneLine(err.Error())
		r.app.failed(fmt.Sprintf("line %d: %s", result.Line, result.what()), err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results = append(r.results, result)
	r.state.note(result)
}

// what is the result's image for people.
func (r syncResult) what() string {
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
		if err := printJSON(r.app.stdout, out); err != nil {
			return err
		}
	} else {
		r.printMoved(out)
	}
	synced := out.Copied + out.Unchanged
	r.app.noteDone("synced %d image%s: %s%s", synced, plural(synced), out.counts(), r.show.amount("sent"))
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case out.Failed > 0:
		return &partlyError{out.Failed, len(out.Images)}
	}
	return nil
}

// summed sorts and counts the results.
func (r *syncRun) summed() syncReport {
	slices.SortStableFunc(r.results, func(a, b syncResult) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), compareVersions(a.Target, b.Target))
	})
	out := syncReport{Seconds: time.Since(r.began).Seconds(), Images: append([]syncResult{}, r.results...)} // in JSON [] rather than null
	for _, result := range r.results {
		switch result.Status {
		case syncCopied:
			out.Copied++
		case syncUnchanged:
			out.Unchanged++
		case syncRemoved:
			out.Removed++
		case syncFailed:
			out.Failed++
		}
	}
	return out
}

// printMoved prints the images that are new at their targets.
func (r *syncRun) printMoved(out syncReport) {
	for _, result := range out.Images {
		if result.Status == syncCopied {
			fmt.Fprintf(r.app.stdout, "%s@%s\n", strings.TrimSuffix(result.Target, "@"+string(result.Digest)), result.Digest)
		}
	}
}

// counts says how many of each there are, with what parts that from the rest of the line.
func (s syncReport) counts() string {
	var parts []string
	for _, part := range []struct {
		n    int
		word string
	}{{s.Copied, syncCopied}, {s.Unchanged, syncUnchanged}, {s.Removed, syncRemoved}, {s.Failed, syncFailed}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.word))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + "; "
}
