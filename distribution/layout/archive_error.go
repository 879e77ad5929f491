package layout

import (
	"errors"
	"fmt"
)

// Kinds of [ArchiveError], to be found with errors.Is.
var (
	// ErrNotArchive is a file that holds no images in a form that is known here.
	ErrNotArchive = errors.New("no archive of images")
	// ErrCompressed is an archive that was compressed as a whole, so that nothing in it can be found without unpacking.
	ErrCompressed = errors.New("compressed archive")
	// ErrNewer is a bundle or layout of a version that is not known here.
	ErrNewer = errors.New("unknown version")
	// ErrUnsafe is an archive with members that no honest tool writes: paths that leave it, links, devices, two members
	// of one name, documents of a size beyond reason.
	ErrUnsafe = errors.New("unsafe archive")
	// ErrDamaged is an archive that is cut short or contradicts itself.
	ErrDamaged = errors.New("damaged archive")
	// ErrVolume is a volume that is missing, or not as long as it was.
	ErrVolume = errors.New("incomplete volumes")
	// ErrBusy is a bundle that another process is writing.
	ErrBusy = errors.New("being written")
)

// ArchiveError says what is wrong with a bundle or another archive.
type ArchiveError struct {
	Path   string // of the file, or of the volume
	Member string // the name in the tar, "" where it is not about one member
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

// shown makes a text from outside fit for a message.
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

// damagedError is an error of a document that cannot be read. It is ErrDamaged, unless the document is only newer.
type damagedError struct{ error }

// Is makes it ErrDamaged.
func (e damagedError) Is(target error) bool {
	return target == ErrDamaged && !errors.Is(e.error, ErrNewer)
}

// Unwrap returns what is wrong.
func (e damagedError) Unwrap() error { return e.error }

func asDamaged(err error) error {
	if err == nil {
		return nil
	}
	return damagedError{err}
}

// kindOf is the kind of an error that checkVersion and decodeInventory return.
func errorKind(err error) error {
	if errors.Is(err, ErrNewer) {
		return ErrNewer
	}
	return ErrDamaged
}
