package layout

import (
	"context"
	"fmt"
	"io"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Stream writes a bundle from the first byte to the last, for a pipe: the same bytes as [Create] makes. It reads one blob
// at a time, which open opens. It returns the inventory, without volumes. A blob that does not match its descriptor is a
// *[blob.MismatchError], and what was written by then is no bundle, since its end is missing.
func Stream(ctx context.Context, w io.Writer, c Contents, open func(manifest.Descriptor) blob.Open) (Inventory, error) {
	p, err := c.layOut()
	if err != nil {
		return Inventory{}, err
	}
	for i := range p.members {
		if err := p.members[i].writeTo(ctx, w, open); err != nil {
			return Inventory{}, err
		}
	}
	_, err = w.Write(make([]byte, 2*tarBlock))
	return p.inventory, err
}

// stream writes one member with its header and padding.
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
