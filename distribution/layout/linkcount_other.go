//go:build !unix

package layout

import "io/fs"

// hasOtherNames reports whether a file has more than one name, as far as the system tells.
func hasOtherNames(fs.FileInfo) bool { return false }
