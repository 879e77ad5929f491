package main

import (
	"errors"
	"syscall"

	"github.com/hczjl/transship/distribution/layout"
)

// hintFull adds to an error of a full disk what is left of the images. It is for commands that write images.
func hintFull(err error) error {
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	var unfinished *unfinishedError
	if errors.As(err, &unfinished) {
		return &withHint{err, "make room there; " + unfinished.kept()}
	}
	return &withHint{err, "make room there; no image is left half, and blobs that are whole are not fetched again"}
}

// damagedHint is for what has been carried over by hand.
const damagedHint = "carry it over again; transship verify FILE tells all that is wrong"

// isArchive tells whether an error is about an archive that cannot be used.
func isArchive(err error) bool {
	return as[*layout.ArchiveError](err) || isDamaged(err) || errors.Is(err, layout.ErrNewer)
}

// archiveHint says what to do about an archive that cannot be used.
func archiveHint(err error) string {
	switch {
	case errors.Is(err, layout.ErrVolume):
		return "have all volumes in one folder, as they were written; transship verify FILE names those that are damaged"
	case errors.Is(err, layout.ErrDamaged):
		return damagedHint
	case errors.Is(err, layout.ErrUnsafe):
		return "no honest tool writes such a file; do not load it anywhere"
	case errors.Is(err, layout.ErrBusy):
		return "wait for it to end, or write to another file"
	case errors.Is(err, layout.ErrNewer):
		return "take the transship that wrote it, or a newer one"
	}
	return ""
}
