package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// fillDisk writes a file that leaves no room in a folder.
func (p *program) fillDisk(dir string) (file string) {
	p.t.Helper()
	file = filepath.Join(dir, "fill")
	if err := os.WriteFile(file, make([]byte, 1<<20), 0o600); err == nil {
		p.t.Fatal("there is still room")
	}
	return file
}

// Where the state folder cannot be written, a command that would note uploads there says so once, and goes on. A file
// of --state that cannot be written is an error before the first call.
func TestStateFolderThatCannotBeWritten(t *testing.T) {
	for name, says := range map[string]string{"read-only": "read-only file system", "full": "no space left on device"} {
		t.Run(name, func(t *testing.T) {
			c := newCopySetup(t)
			c.env["XDG_STATE_HOME"] = c.mountSmallDisk("state", "64k")
			if name == "full" {
				c.fillDisk(c.path("state"))
			} else if err := syscall.Mount("", c.path("state"), "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
				t.Fatal(err)
			}
			o := c.do("copy null:33MiB:7 TO/a:1").want(0)
			warnings := linesWithPrefix(o.stderr, "warning: ")
			if len(warnings) != 1 || !strings.HasSuffix(warnings[0], says) ||
				!strings.HasPrefix(warnings[0], "warning: large uploads are not noted, and begin anew if this run is killed: ") {
				t.Errorf("%s\nsays %s", o.line, o.stderr)
			}
			for _, line := range []string{"pull SRC", "tag SRC TO/c:1", "push TO/c:1", "save -o @/x.tar SRC", "load @/x.tar TO/l", "prune"} {
				if o := c.do(line).want(0); strings.Contains(o.stderr, "warning") {
					t.Errorf("%s\nsays %s", o.line, o.stderr)
				}
			}
			c.writeList("FROM/src/repo TO/s\n")
			c.source.ResetRequests()
			c.do("sync -f @/images --state @/state/s").wantError(wantedError{2,
				"--state " + c.path("state/s") + " cannot be written: ", "leave it out"})
			if n := c.source.Count(""); n != 0 {
				t.Errorf("%d calls were made", n)
			}
			if left := strings.Join(fileNames(t, c.path("state")), " "); strings.Contains(left, "s.run") {
				t.Errorf("it leaves %s", left)
			}
			c.do("sync -f @/images --state @/state/s --plan").want(0)
		})
	}
}

// A disk that is full during a run of sync --state is a warning, and an error at the end, when all is copied. With more room the
// next run takes over what the log has.
func TestDiskThatBecomesFull(t *testing.T) {
	c := newShardSetup(t)
	disk := c.mountSmallDisk("disk", "4k")
	c.do("sync --all FROM/all TO --state @/disk/state").want(1, "warning: write "+disk+"/state.run: no space left on device; ",
		"synced 40 images: 40 copied", "transship sync: --state "+disk+"/state cannot be replaced: ", "make room")
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT, "size=64k"); err != nil {
		t.Fatal(err)
	}
	c.target.ResetRequests()
	c.do("sync --all FROM/all TO --state @/disk/state").want(0, "resuming a run that did not end", "40 unchanged")
	if n := c.target.Count("^HEAD"); n == 0 || n >= 40 {
		t.Errorf("the target was asked for %d images", n)
	}
	if got := fmt.Sprint(fileNames(t, disk)); got != "[state]" {
		t.Errorf("there is %s", got)
	}
}
