package layout

import (
	"path/filepath"
)

// OpenBeside opens the bundles that this one builds on, as far as they lie in its folder under the names
// that they were written with: its base, the base of that, and so on. A file that is another bundle does
// not count. The caller closes them. None has a base set.
func (a *Archive) OpenBeside() []*Archive {
	var out []*Archive
	for at := a; at.inventory != nil && at.inventory.Base != nil && len(out) < maxDeltaChain; {
		want := *at.inventory.Base
		if want.ID == "" || want.File == "" || filepath.Base(want.File) != want.File || a.volumes.temporary != "" {
			break
		}
		base, err := OpenArchive(filepath.Join(filepath.Dir(a.String()), want.File))
		if err != nil {
			break
		}
		if base.inventory == nil || base.inventory.ID != want.ID {
			a.namesake = base.String()
			base.Close()
			break
		}
		out = append(out, base)
		at = base
	}
	return out
}
