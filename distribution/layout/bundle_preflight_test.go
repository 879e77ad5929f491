package layout

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Commit removes an earlier bundle with the same name, and Create refuses if any other file would
// be overwritten.
func TestCreateRefusesToOverwriteForeignFiles(t *testing.T) {
	s := newSample()
	s.addImage("a:1", s.image(t, "linux/amd64", "a"))
	for _, test := range []struct {
		name, content string
		volumeSize    int64
		inTheWay      bool
	}{
		{"b.tar.json", `{"version":"notes"}`, 0, true},
		{"b.tar.json", `[1]`, 0, true},
		{"b.tar.json", `{"version":7,"content":[]}`, 0, false},
		{"b.tar.001", "no volume", 0, true},
		{"b.tar.007", "no volume", 1024, true},
		{"b.tar.001", "oci-layout of a bundle", 1024, false},
		{"b.tar", "notes", 1024, true},
		{"b.tar", "notes", 0, false}, // the user has named this file
		{"b.tar", "oci-layout of a bundle", 1024, false},
	} {
		path := filepath.Join(t.TempDir(), "b.tar")
		file := filepath.Join(filepath.Dir(path), test.name)
		if err := os.WriteFile(file, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		size, refused := BundleSize(path, s.BundleContents, BundleFiles{VolumeSize: test.volumeSize})
		b, err := CreateBundle(path, s.BundleContents, BundleFiles{VolumeSize: test.volumeSize})
		if err == nil {
			b.Abort()
		}
		if fmt.Sprint(refused) != fmt.Sprint(err) || size == 0 {
			t.Errorf("%s with %q: the size is %d, error %v", test.name, test.content, size, refused)
		}
		if test.inTheWay {
			wantError(t, err, file+": a file is in the way")
		} else if err != nil {
			t.Errorf("%s with %q: %v", test.name, test.content, err)
		}
		if string(mustRead(t, file)) != test.content {
			t.Errorf("%s has changed", test.name)
		}
	}
}

// A process was killed in Commit, after it had removed volumes of the earlier bundle. The next
// process finishes.
func TestCreateResumesAfterVolumesWereRemoved(t *testing.T) {
	s := threeImages(t)
	path := filepath.Join(t.TempDir(), "b.tar")
	s.writeSplit(t, path, 2000, s.Blobs)
	b, err := CreateBundle(path, s.BundleContents, BundleFiles{VolumeSize: 2000})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(volumePath(path, 0)); err != nil {
		t.Fatal(err)
	}
	s.writeSplit(t, path, 2000, s.Blobs)
	if bad := problems(t, openArchive(t, path).Verify); bad != nil {
		t.Errorf("problems: %v", bad)
	}
}
