package layout

import (
	"context"
	"fmt"
	"io"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// StreamBundle writes a bundle from the first byte to the last, for a pipe. The bytes are those
// that [CreateBundle] makes. It opens one blob at a time, with open. It returns the inventory,
// without volumes. If a blob does not match its descriptor, the error is a *[blob.MismatchError];
// what was written is no bundle then, since its end is missing.
func StreamBundle(ctx context.Context, w io.Writer, c BundleContents, open func(manifest.Descriptor) blob.Open) (Inventory, error) {
	l, err := c.layOut()
	if err != nil {
		return Inventory{}, err
	}
	for i := range l.members {
		if err := l.members[i].writeTo(ctx, w, open); err != nil {
			return Inventory{}, err
		}
	}
	_, err = w.Write(make([]byte, 2*tarBlock))
	return l.inventory, err
}

// writeTo writes a member with its header and padding.
func (m *tarMember) writeTo(ctx context.Context, w io.Writer, open func(manifest.Descriptor) blob.Open) error {
	header, err := m.header()
	if err != nil {
		return err
	}
	if _, err := w.Write(append(header, m.data...)); err != nil {
		return err
	}
	if m.isBlob() {
		if err := copyBlob(ctx, w, m.blob, open(m.blob)); err != nil {
			return fmt.Errorf("blob %s: %w", m.blob.Digest, err)
		}
	}
	_, err = w.Write(make([]byte, padded(m.size)-m.size))
	return err
}
