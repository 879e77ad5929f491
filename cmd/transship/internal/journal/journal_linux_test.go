package journal

import (
	"os"
	"testing"

	"github.com/hczjl/transship/distribution"
)

// A disk that is full ends no upload.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	j, warned := newJournal(t.TempDir())
	if _, ok := j.Take(testKey()); !ok {
		t.Fatal("not taken")
	}
	j.entries[testKey()].Close()
	j.entries[testKey()] = &file{File: full}
	j.Save(testKey(), testNote())
	j.Save(testKey(), testNote())
	if len(*warned) != 1 {
		t.Errorf("warned %q", *warned)
	}
	delete(j.entries, testKey()) // /dev/full is not the journal's to remove
	full.Close()
	var none distribution.Journal = j
	none.Release(testKey(), false)
}
