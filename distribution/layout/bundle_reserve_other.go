//go:build !linux

package layout

// reserve gives the files their sizes. They are sparse: the disk may fill up later.
func (v *volumes) reserve() error { return v.setSizes() }
