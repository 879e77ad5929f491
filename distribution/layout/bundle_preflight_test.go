package layout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Commit removes an earlier bundle of the same name, and nothing else: what no bundle brought there is in the way.
func TestBundleRemovesNoForeignFiles(t *testing.T) {
	s := newSample()
	s.name("a:1", s.image(t, "linux/amd64", "a"))
	for _, test := range []struct {
		name, content string
		volumeSize    int64
		inTheWay      bool
	}{
		{"b.tar.json", `{"version":"notes"}`, 0, true},
		{"b.tar.json", `[1]`, 0, true},
		{"b.tar.json", `{"version":7,"content":[]}`, 0, false},
		{"b.tar.001", "accounts", 0, true},
		{"b.tar.007", "accounts", 1024, true},
		{"b.tar.001", "oci-layout and so on", 1024, false},
		{"b.tar", "notes", 1024, true},
		{"b.tar", "notes", 0, false}, // it is what the user has named
		{"b.tar", "oci-layout and so on", 1024, false},
	} {
		path := filepath.Join(t.TempDir(), "b.tar")
		file := filepath.Join(filepath.Dir(path), test.name)
		if err := os.WriteFile(file, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		size, refused := Size(path, s.Contents, Files{VolumeSize: test.volumeSize})
		b, err := Create(path, s.Contents, Files{VolumeSize: test.volumeSize})
		if err == nil {
			b.Abort()
		}
		if fmt.Sprint(refused) != fmt.Sprint(err) || size == 0 {
			t.Errorf("%s with %q: the size is %d, error %v", test.name, test.content, size, refused)
		}
		if test.inTheWay {
			says(t, err, file+": a file is in the way")
		} else if err != nil {
			t.Errorf("%s with %q: %v", test.name, test.content, err)
		}
		if string(read(t, file)) != test.content {
			t.Errorf("%s has changed", test.name)
		}
	}
}

// A process that was killed while it removed the earlier volumes does not keep the next one from finishing.
func TestBundleFinishesAfterMakingRoom(t *testing.T) {
	s := threeImages(t)
	path := filepath.Join(t.TempDir(), "b.tar")
	s.write(t, path, 2000, s.Blobs)
	b, err := Create(path, s.Contents, Files{VolumeSize: 2000})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(volumePath(path, 0)); err != nil {
		t.Fatal(err)
	}
	s.write(t, path, 2000, s.Blobs)
	if bad := problems(t, openArchive(t, path).Verify); bad != nil {
		t.Errorf("problems: %v", bad)
	}
}

// A folder whose documents cannot be read is damaged; one of a newer version is not.
func TestDamagedFolder(t *testing.T) {
	for _, test := range []struct {
		layout, index string
		damaged       bool
	}{
		{layoutText, `{"manifests":`, true},
		{layoutText, `{"manifests":[{"digest":"sha256:../x"}]}`, true},
		{`{`, `{}`, true},
		{`{"imageLayoutVersion":"2.0.0"}`, `{}`, false},
	} {
		dir := t.TempDir()
		for name, content := range map[string]string{layoutFile: test.layout, indexFile: test.index} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := OpenDir(dir)
		if isDamaged := errors.Is(err, ErrDamaged); err == nil || isDamaged != test.damaged || errors.Is(err, ErrNewer) == test.damaged {
			t.Errorf("%s, %s: %v", test.layout, test.index, err)
		}
	}
}
