package journal

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
)

func TestFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("other folders")
	}
	for _, c := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"XDG_STATE_HOME": "/state", "HOME": "/home/a"}, "/state/transship/uploads"},
		{map[string]string{"XDG_STATE_HOME": "relative"}, ""}, // the specification has it ignored
		{nil, ""},
	} {
		if got := Folder(func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%v: got %q, want %q", c.env, got, c.want)
		}
	}
	home := Folder(func(name string) string { return map[string]string{"HOME": "/home/a"}[name] })
	if want := "/home/a/.local/state/transship/uploads"; runtime.GOOS == "linux" && home != want {
		t.Errorf("got %q, want %q", home, want)
	}
}

func testKey() distribution.UploadKey {
	return distribution.UploadKey{
		Registry: "registry.example:5000", Repository: "a/b", Digest: blob.FromBytes([]byte("x")), Size: 1 << 30,
	}
}

func testNote() distribution.UploadNote {
	return distribution.UploadNote{
		Location: "https://registry.example:5000/v2/a/b/blobs/uploads/1?_state=secret", MinChunk: 5 << 20, Offset: 32 << 20,
		Checkpoints: []blob.Checkpoint{{Offset: 16 << 20, State: []byte("state 1")}, {Offset: 32 << 20, State: []byte("state 2")}},
	}
}

// newJournal returns a journal in a folder, and the warnings that it gives.
func newJournal(folder string) (*Journal, *[]string) {
	var warned []string
	return &Journal{Folder: folder, Warn: func(reason string) { warned = append(warned, reason) }}, &warned
}

// noted returns a folder with a note of an earlier process, and the path of its file.
func noted(t *testing.T) (folder, file string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "transship", "uploads")
	j, warned := newJournal(folder)
	if _, ok := j.Take(testKey()); !ok {
		t.Fatal("not taken", *warned)
	}
	j.Save(testKey(), distribution.UploadNote{Location: strings.Repeat("longer than the next one ", 100)})
	j.Save(testKey(), testNote())
	j.Release(testKey(), true)
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) != 1 || len(*warned) > 0 {
		t.Fatal(files, err, *warned)
	}
	return folder, files[0]
}

func TestNoteIsThereForTheNextProcess(t *testing.T) {
	folder, file := noted(t)
	j, warned := newJournal(folder)
	got, ok := j.Take(testKey())
	if diff := cmp.Diff(testNote(), got); !ok || diff != "" {
		t.Error(diff, *warned)
	}
	info, err := os.Stat(file)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	other := testKey()
	other.Repository = "a/c"
	if got, ok := j.Take(other); !ok || got.Location != "" {
		t.Errorf("another repository has the note %+v", got)
	}
	j.Release(other, false)
	j.Release(testKey(), false)
	if left, _ := filepath.Glob(filepath.Join(folder, "*")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// Of two processes with one upload, one has the entry. Two uploads of one process are no different.
func TestEntryIsTakenOnce(t *testing.T) {
	folder, file := noted(t)
	first, _ := newJournal(folder)
	second, warned := newJournal(folder)
	if _, ok := first.Take(testKey()); !ok {
		t.Fatal("not taken")
	}
	for _, j := range []*Journal{first, second} {
		if _, ok := j.Take(testKey()); ok {
			t.Error("taken twice")
		}
	}
	second.Save(testKey(), distribution.UploadNote{Location: "other"})
	second.Release(testKey(), false)
	if n, err := Clear(folder); n != 0 || err != nil {
		t.Errorf("cleared %d of another process, error %v", n, err)
	}
	first.Release(testKey(), true)
	if got, ok := second.Take(testKey()); !ok || got.Location != testNote().Location || len(*warned) > 0 {
		t.Errorf("%+v, %v", got, *warned)
	}
	second.Release(testKey(), true)
	if n, err := Clear(folder); n != 1 || err != nil {
		t.Errorf("cleared %d, error %v", n, err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the file is still there")
	}
}

func TestUnusableNotes(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(string) string
		warn string
	}{
		"empty":           {func(string) string { return "" }, ""},
		"cut off":         {func(s string) string { return s[:len(strings.TrimSpace(s))/2] }, ""},
		"zeros":           {func(s string) string { return strings.Repeat("\x00", len(s)) }, ""},
		"another blob":    {func(s string) string { return strings.Replace(s, `"size":1073741824`, `"size":1`, 1) }, ""},
		"expired":         {func(s string) string { return replaceTime(s, time.Now().Add(-keptFor-time.Hour)) }, ""},
		"a newer version": {func(s string) string { return strings.Replace(s, `"version":1`, `"version":2`, 1) }, "newer transship"},
	} {
		folder, file := noted(t)
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		edited := c.edit(string(raw))
		if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
			t.Fatal(err)
		}
		j, warned := newJournal(folder)
		got, ok := j.Take(testKey())
		if got.Location != "" || ok != (c.warn == "") || len(*warned) > 0 != (c.warn != "") {
			t.Errorf("%s: got %+v, %v, warned %q", name, got, ok, *warned)
		}
		if c.warn == "" {
			j.Save(testKey(), testNote())
			j.Release(testKey(), true)
			if again, _ := newJournal(folder); !cmp.Equal(errorless(again.Take(testKey())), testNote()) {
				t.Errorf("%s: it cannot be written again", name)
			}
			continue
		}
		if after, _ := os.ReadFile(file); string(after) != edited || !strings.Contains((*warned)[0], c.warn) {
			t.Errorf("%s: warned %q, and the file is %s", name, *warned, after)
		}
	}
}

func errorless(n distribution.UploadNote, _ bool) distribution.UploadNote { return n }

func replaceTime(s string, by time.Time) string {
	before, rest, _ := strings.Cut(s, `"time":"`)
	_, after, _ := strings.Cut(rest, `"`)
	return before + `"time":"` + by.UTC().Format(time.RFC3339) + `"` + after
}

// A location is a secret: it does not stay for longer than it is of use.
func TestOldNotesAreRemoved(t *testing.T) {
	folder, file := noted(t)
	old := time.Now().Add(-keptFor - time.Hour)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
	j, _ := newJournal(folder)
	other := testKey()
	other.Repository = "other"
	j.Take(other)
	if _, err := os.Stat(file); err == nil {
		t.Error("the note is still there")
	}
}

// Without a place for it, the journal says so once, and uploads go on without it.
func TestUnusableFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	j, warned := newJournal(filepath.Join(file, "uploads"))
	for range 2 {
		if _, ok := j.Take(testKey()); ok {
			t.Error("taken")
		}
	}
	if len(*warned) != 1 {
		t.Errorf("warned %q", *warned)
	}
	if _, ok := (&Journal{}).Take(testKey()); ok {
		t.Error("a journal without a folder has an entry")
	}
	if n, err := Clear(filepath.Join(t.TempDir(), "none")); n != 0 || err != nil {
		t.Error(n, err)
	}

	folder, note := noted(t)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.Rename(note, outside); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, note); err != nil {
		t.Skip(err)
	}
	j, warned = newJournal(folder)
	if _, ok := j.Take(testKey()); ok || len(*warned) != 1 {
		t.Errorf("a link was followed: %v, warned %q", ok, *warned)
	}
}
