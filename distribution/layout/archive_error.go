package layout

import (
	"errors"
	"fmt"
)

// Kinds of [ArchiveError], for errors.Is.
var (
	// ErrNotArchive is a file without images in a known form.
	ErrNotArchive = errors.New("no archive of images")
	// ErrCompressed is an archive that is compressed as a whole: it would have to be unpacked to
	// find anything in it.
	ErrCompressed = errors.New("compressed archive")
	// ErrGzip is the ErrCompressed that [OpenCompressed] can unpack.
	ErrGzip = fmt.Errorf("%w with gzip", ErrCompressed)
	// ErrNewer is a bundle or layout of an unknown version.
	ErrNewer = errors.New("unknown version")
	// ErrUnsafe is an archive with members that no honest tool writes: paths that leave it, links,
	// devices, two members with one name, documents that are far too large.
	ErrUnsafe = errors.New("unsafe archive")
	// ErrDamaged is an archive or folder that is cut short or contradicts itself.
	ErrDamaged = errors.New("damaged archive")
	// ErrVolume is a volume that is missing or has another size than it was written with.
	ErrVolume = errors.New("incomplete volumes")
	// ErrIrregular is a link, pipe or device where there has to be a regular file or a folder, below
	// an image layout in a folder or an unfinished bundle.
	ErrIrregular = errors.New("irregular file")
	// ErrBusy is a bundle that another process is writing.
	ErrBusy = errors.New("being written")
)

// ArchiveError says what is wrong with a bundle, another archive or a folder.
type ArchiveError struct {
	Path   string // of the file or volume
	Member string // the name in the tar, "" if the error is not about a member
	Kind   error  // one of the errors above
	Reason string
}

// Error names the file, the member and the reason.
func (e *ArchiveError) Error() string {
	if e.Member == "" {
		return fmt.Sprintf("%s: %s", e.Path, e.Reason)
	}
	return fmt.Sprintf("%s: %s: %s", e.Path, printable(e.Member), e.Reason)
}

// Unwrap returns the kind.
func (e *ArchiveError) Unwrap() error { return e.Kind }

// printable quotes foreign text for a message if it needs that, and cuts it after 120 bytes.
func printable(s string) string {
	const most = 120
	if len(s) > most {
		s = s[:most] + "..."
	}
	if quoted := fmt.Sprintf("%q", s); quoted != `"`+s+`"` || s == "" {
		return quoted
	}
	return s
}

// damagedError is the error of a document that cannot be read. It is ErrDamaged.
type damagedError struct{ error }

// Is reports whether target is ErrDamaged.
func (e damagedError) Is(target error) bool {
	return target == ErrDamaged
}

// Unwrap returns what is wrong.
func (e damagedError) Unwrap() error { return e.error }

// asDamaged makes err a damagedError unless it is nil or ErrNewer.
func asDamaged(err error) error {
	if err == nil || errors.Is(err, ErrNewer) {
		return err
	}
	return damagedError{err}
}

// errorKind returns the kind for an error of checkVersion or decodeInventory.
func errorKind(err error) error {
	if errors.Is(err, ErrNewer) {
		return ErrNewer
	}
	return ErrDamaged
}
