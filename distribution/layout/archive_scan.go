package layout

import (
	"archive/tar"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

const (
	maxMembers  = 1 << 20  // of a tar
	maxDocument = 64 << 20 // bytes of a JSON document in a tar
	tarBlock    = 512
)

// section is the range of a member's content in the tar, in bytes.
type section struct{ offset, size int64 }

// tarIndex is what the headers of a tar say.
type tarIndex struct {
	volumes *volumes
	files   map[string]section
	links   map[string]string // symbolic links and their targets
	end     int64             // offset of the end of the last content
	roots   map[string]bool   // the first segments of all names
	special error             // the first member that no archive of images has, and a container's files have
}

// scanTar reads the headers and skips the content, so that the size of the tar does not matter.
func scanTar(v *volumes) (*tarIndex, error) {
	if c, err := findCompression(v); err != nil || c.name != "" {
		return nil, cmp.Or(err, c.refuse(v.path, c.tool+" -k "+v.path))
	}
	s := &tarIndex{volumes: v, files: map[string]section{}, links: map[string]string{}, roots: map[string]bool{}}
	at := io.NewSectionReader(v, 0, v.size)
	headers := tar.NewReader(at)
	for range maxMembers {
		h, err := headers.Next()
		if errors.Is(err, io.EOF) {
			return s, s.checkSpecial()
		}
		if err != nil {
			return nil, cmp.Or(s.special, s.headerError(err))
		}
		offset, _ := at.Seek(0, io.SeekCurrent) // this never fails
		if err := s.addMember(h, offset); err != nil {
			return nil, err
		}
	}
	return nil, s.errorf("", ErrUnsafe, "it has more than %d members", maxMembers)
}

func (s *tarIndex) errorf(member string, kind error, format string, args ...any) error {
	return &ArchiveError{Path: s.volumes.path, Member: member, Kind: kind, Reason: fmt.Sprintf(format, args...)}
}

// headerError explains why there is no next header.
func (s *tarIndex) headerError(err error) error {
	switch {
	case s.end == 0 && !s.startsAsTar() && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, tar.ErrHeader)):
		return cmp.Or(s.volumes.checkInventory(), s.errorf("", ErrNotArchive, "it is no tar"))
	case errors.Is(err, io.ErrUnexpectedEOF):
		return s.volumes.truncatedError("")
	case !errors.Is(err, tar.ErrHeader):
		return fmt.Errorf("%s: %w", s.volumes.path, err)
	}
	reason := fmt.Sprintf("there is no tar header after byte %d", s.end)
	if where := s.volumes.describe(padded(s.end), tarBlock); where != "" {
		reason += ", in " + where
	}
	return s.errorf("", ErrDamaged, "%s", reason)
}

// startsAsTar reports whether the first block was a tar header once: it has the magic of a tar
// (POSIX, pax) or the name of a bundle's first member.
func (s *tarIndex) startsAsTar() bool {
	first := make([]byte, tarBlock)
	n, _ := s.volumes.ReadAt(first, 0) // a shorter file has neither
	const magicAt, magic = 257, "ustar"
	return bytes.HasPrefix(first[:n], []byte(layoutFile)) || bytes.HasPrefix(first[min(n, magicAt):n], []byte(magic))
}

// addMember adds a member, or returns an error if an archive must not have it.
func (s *tarIndex) addMember(h *tar.Header, offset int64) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		s.end = offset
		return nil
	}
	name, reason := cleanName(h.Name)
	if reason != "" && reason != reasonBackslash {
		return s.errorf(h.Name, ErrUnsafe, "%s", reason)
	}
	s.addRoot(h.Name)
	if reason = cmp.Or(reason, typeError(h)); reason != "" {
		s.special = cmp.Or(s.special, s.errorf(h.Name, ErrUnsafe, "%s", reason))
		return nil
	}
	s.end = offset
	if h.Typeflag == tar.TypeDir {
		return nil
	}
	_, twice := s.files[name]
	if _, link := s.links[name]; twice || link {
		return s.errorf(name, ErrUnsafe, "the archive has this name twice")
	}
	if h.Typeflag == tar.TypeSymlink {
		s.links[name] = h.Linkname
		return nil
	}
	if h.Size > s.volumes.size-offset {
		return s.volumes.truncatedError(name)
	}
	s.files[name] = section{offset, h.Size}
	s.end += h.Size
	return nil
}

// reasonBackslash is the reason of cleanName for a name that is harmless in a container.
const reasonBackslash = "the path has a backslash"

// cleanName returns a member's name in its shortest form, or the reason why it is not allowed.
func cleanName(name string) (clean, reason string) {
	switch {
	case strings.HasPrefix(name, "/"):
		return "", "the path is absolute"
	case strings.ContainsRune(name, 0):
		return "", "the path has a NUL"
	}
	for segment := range strings.SplitSeq(name, "/") {
		if segment == ".." {
			return "", "the path leaves the archive"
		}
	}
	if strings.ContainsRune(name, '\\') {
		return "", reasonBackslash
	}
	return path.Clean(name), ""
}

// typeError returns why a member of that type is not allowed, "" if it is.
func typeError(h *tar.Header) string {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return "it is a sparse file"
		}
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeDir, tar.TypeSymlink:
		return ""
	case tar.TypeLink:
		return "it is a link"
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return "it is a device"
	case tar.TypeGNUSparse:
		return "it is a sparse file"
	}
	return fmt.Sprintf("it has the unknown type %q", h.Typeflag)
}

// has reports whether there is a regular file with that name.
func (s *tarIndex) has(name string) bool {
	_, found := s.files[name]
	return found
}

// document reads a member of at most limit bytes into memory. If there is none, it returns nil.
func (s *tarIndex) document(name string, limit int64) ([]byte, error) {
	at, found := s.files[name]
	if !found {
		return nil, nil
	}
	if at.size > limit {
		return nil, s.errorf(name, ErrUnsafe, "it has %d bytes, more than the %d that are read", at.size, limit)
	}
	b := make([]byte, at.size)
	if _, err := s.volumes.ReadAt(b, at.offset); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", s.volumes.path, name, err)
	}
	return b, nil
}
