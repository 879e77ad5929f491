package run

import (
	"errors"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/layout"
)

// DamagedHint is for what has been carried over by hand.
const DamagedHint = "carry it over again; transship verify FILE tells all that is wrong"

// IsArchiveError tells whether an error is about an archive that cannot be used.
func IsArchiveError(err error) bool {
	return cli.Has[*layout.ArchiveError](err) || isDamaged(err) || errors.Is(err, layout.ErrNewer)
}

// archiveHint says what to do about an archive that cannot be used.
func archiveHint(err error) string {
	switch {
	case errors.Is(err, layout.ErrVolume):
		return "have all volumes in one folder, as they were written; transship verify FILE names those that are damaged"
	case errors.Is(err, layout.ErrDamaged):
		return DamagedHint
	case errors.Is(err, layout.ErrUnsafe):
		return "no honest tool writes such a file; do not load it anywhere"
	case errors.Is(err, layout.ErrBusy):
		return "wait for it to end, or write to another file"
	case errors.Is(err, layout.ErrNewer):
		return "take the transship that wrote it, or a newer one"
	}
	return ""
}
