package run

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// UnfinishedError reports that a bundle was not finished. What was written is kept for the next
// try.
type UnfinishedError struct {
	Path string // of the bundle
	Err  error
}

// Error returns the reason.
func (e *UnfinishedError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *UnfinishedError) Unwrap() error { return e.Err }

// Hint returns the hint of the reason if that makes the same command fail again, such as a damaged
// source archive, and else what is kept.
func (e *UnfinishedError) Hint() string {
	if hint, ok := cli.HintOf(e.Err); ok {
		return hint
	}
	if errors.Is(e.Err, transfer.ErrSeveralImages) {
		return severalHint
	}
	if IsArchiveError(e.Err) {
		return archiveHint(e.Err)
	}
	if hint := missingBaseHint(e.Err); hint != "" {
		return hint
	}
	return e.keptHint()
}

// baseHint names what --base was not given.
func baseHint(err error) string {
	var lacks *layout.BaseError
	errors.As(err, &lacks)
	if lacks.Absent.ID == "" {
		return fmt.Sprintf("--base must name %s, or a bundle or folder that has the same blobs", lacks.Absent.File)
	}
	return fmt.Sprintf("--base must name %s, or put it into the folder of %s", lacks.Absent.File, lacks.Path)
}

// missingBaseHint says where the base of a bundle is taken from, "" if the error is another one. Only bundles
// are found by themselves.
func missingBaseHint(err error) string {
	var missing *layout.MissingBaseError
	switch {
	case !errors.As(err, &missing):
		return ""
	case missing.Base.ID == "":
		return fmt.Sprintf("load takes it from there: transship load --base %s %s REGISTRY; without --base the registry "+
			"must have it", missing.Base.File, missing.Path)
	}
	return fmt.Sprintf("put %s into the folder of %s, or name it: transship load --base FILE %[2]s REGISTRY, or "+
		"transship serve %[2]s FILE", missing.Base.File, missing.Path)
}

// keptHint says what is left of the bundle.
func (e *UnfinishedError) keptHint() string {
	return fmt.Sprintf(
		"%s.partial keeps what was written: run the same command again to resume, or remove that folder", e.Path)
}

// WithDiskFullHint adds to the error of a full disk a hint that says what is kept. It is for
// commands that write images.
func WithDiskFullHint(err error) error {
	if !errors.Is(err, syscall.ENOSPC) || cli.Has[*layout.UnpackError](err) {
		return err
	}
	var unfinished *UnfinishedError
	if errors.As(err, &unfinished) {
		return cli.WithHint(err, "free space there; "+unfinished.keptHint())
	}
	return cli.WithHint(err, "free space there; no incomplete image is left, and complete blobs are not fetched again")
}

// damagedHint is the hint for a bundle with damaged content. verify itself says no more.
const (
	damagedHint = "transfer the file again" + verifyLists
	verifyLists = "; transship verify FILE lists all that is wrong"
)

// HintDamaged adds the hint of a damaged file to an error about the content of a bundle, but not to one
// about an answer of the registry, or one that has a hint.
func HintDamaged(err error) error {
	_, hinted := cli.HintOf(err)
	if hinted || cli.Has[*distribution.Error](err) || IsArchiveError(err) || !IsIntegrityError(err) {
		return err
	}
	return cli.WithHint(err, damagedHint)
}

// IsArchiveError reports whether an archive cannot be used, or a layout has a newer format.
func IsArchiveError(err error) bool {
	return cli.Has[*layout.ArchiveError](err) || isDamaged(err) || errors.Is(err, layout.ErrNewer)
}

// archiveHint returns the hint for an error that IsArchiveError reports.
func archiveHint(err error) string {
	switch {
	case errors.Is(err, manifest.ErrSchema1):
		return "" // the error says it
	case cli.Has[*manifest.DocumentError](err):
		return documentHint(err)
	case errors.Is(err, layout.ErrVolume):
		return "put all volumes in one folder, with the names that they were written with; " +
			"transship verify FILE lists damaged ones"
	case errors.Is(err, layout.ErrDamaged):
		return damagedHint
	case errors.Is(err, layout.ErrUnsafe):
		return "no proper tool writes such a file; do not load it anywhere"
	case errors.Is(err, layout.ErrIrregular):
		return "only regular files and folders are read and written there; " +
			"if the folder is yours, cp -rL makes a copy with files in place of links"
	case errors.Is(err, layout.ErrBusy):
		return "wait for the other process to end, or write to another file"
	case errors.Is(err, layout.ErrNewer):
		return "use the transship that wrote it, or a newer one"
	}
	return ""
}
