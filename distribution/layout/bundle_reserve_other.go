//go:build !linux

package layout

// reserve gives the files their sizes. They are sparse: the disk may turn out to be full later.
func (v *volumes) reserve() error {
	for _, f := range v.files {
		if err := f.Truncate(f.size); err != nil {
			return err
		}
	}
	return nil
}
