package blob

import "fmt"

// MismatchError says that bytes do not match their descriptor: they have another digest, or another
// size in bytes.
type MismatchError struct {
	Want, Got Digest // Got is empty if only the size is known to be wrong
	// GotSize is where counting stopped: of bytes that are too long, at least one more than
	// WantSize.
	WantSize, GotSize int64
}

// Error names the two digests, or the two sizes if those differ.
func (e *MismatchError) Error() string {
	if e.GotSize < e.WantSize {
		return fmt.Sprintf("%s is cut short: want %d bytes, got %d", e.Want, e.WantSize, e.GotSize)
	}
	if e.GotSize > e.WantSize {
		return fmt.Sprintf("%s is too long: want %d bytes, got at least %d", e.Want, e.WantSize, e.GotSize)
	}
	return fmt.Sprintf("want %s, got %s", e.Want, e.Got)
}

// Verify checks b against a digest and a size in bytes. The error is a *[MismatchError] or a
// *[DigestError].
func Verify(b []byte, d Digest, size int64) error {
	if err := d.Validate(); err != nil {
		return err
	}
	got := d.Algorithm().Digest(b)
	if got != d || int64(len(b)) != size {
		return &MismatchError{Want: d, Got: got, WantSize: size, GotSize: int64(len(b))}
	}
	return nil
}
