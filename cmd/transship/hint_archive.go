package main

import (
	"errors"
	"fmt"

	"github.com/hczjl/transship/distribution/layout"
)

// unfinishedHint says what is left of a bundle, "" where there is none.
func unfinishedHint(err error) string {
	var e *unfinishedError
	if !errors.As(err, &e) {
		return ""
	}
	return fmt.Sprintf("what has come is kept in %s.partial: the same command goes on from there; remove it if you will not", e.path)
}

// fullHint says what is left where a disk is full.
func fullHint(err error) string {
	if kept := unfinishedHint(err); kept != "" {
		return "make room there; " + kept
	}
	return "make room there; no image is left half, and blobs that are whole are not fetched again"
}

// damagedHint is for what has been carried over by hand.
const damagedHint = "carry it over again; transship verify FILE tells all that is wrong"

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

// baseHint says which bundle is to be loaded first.
func baseHint(err error) string {
	var e *baseError
	if !errors.As(err, &e) || e.base == "" {
		return "the bundle is not whole; save it again"
	}
	return "load " + e.base + " first; if it was made for another registry, save again without --since"
}
