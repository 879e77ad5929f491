package layout

import (
	"path"
	"strings"
)

// rootFolders are folders that a container's root has (Filesystem Hierarchy Standard). docker and
// podman make dev, etc, proc and sys in each container.
const rootFolders = " bin boot dev etc home lib lib64 media mnt opt proc root run sbin srv sys tmp usr var "

// addRoot adds the first segment of a member's name.
func (s *tarIndex) addRoot(name string) {
	first, _, _ := strings.Cut(path.Clean(name), "/")
	s.roots[first] = true
}

// isRootFS reports whether the tar is the file system of a container, as docker export and podman
// export write it: it has several folders of one and no document of an archive of images.
func (s *tarIndex) isRootFS() bool {
	if s.has(layoutFile) || s.has(dockerFile) || s.has(indexFile) {
		return false
	}
	const enough = 3
	n := 0
	for name := range s.roots {
		if strings.Contains(rootFolders, " "+name+" ") {
			n++
		}
	}
	return n >= enough
}

// checkSpecial returns the error of a member that no archive of images has: in a container's file
// system devices and links are honest.
func (s *tarIndex) checkSpecial() error {
	if s.special != nil && s.isRootFS() {
		return s.rootFSError()
	}
	return s.special
}

// rootFSError says that the tar is a container's file system.
func (s *tarIndex) rootFSError() error {
	return s.errorf("", ErrNotArchive, "it holds no image but the files of a container, as docker export and "+
		"podman export write them; docker save and podman save write images")
}
