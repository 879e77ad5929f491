package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// mountFS mounts a file system on a folder until the test ends. It skips the test where mounting is
// not allowed.
func mountFS(t testing.TB, source, dir, kind string, flags uintptr, data string) {
	t.Helper()
	if err := syscall.Mount(source, dir, kind, flags, data); err != nil {
		t.Skip("only root mounts: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
			_ = syscall.Unmount(dir, syscall.MNT_DETACH)
		}
	})
}

// makeReadOnly makes a folder read-only: by permission bits, and for root by a read-only bind
// mount.
func (p *program) makeReadOnly(dir string) {
	p.t.Helper()
	if os.Getuid() == 0 {
		mountFS(p.t, dir, dir, "", syscall.MS_BIND, "")
		if err := syscall.Mount("", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			p.t.Fatal(err)
		}
		return
	}
	change := func(bits func(os.FileMode) os.FileMode) {
		err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			return os.Chmod(path, bits(info.Mode().Perm()))
		})
		if err != nil {
			p.t.Fatal(err)
		}
	}
	change(func(m os.FileMode) os.FileMode { return m &^ 0o222 })
	p.t.Cleanup(func() { change(func(m os.FileMode) os.FileMode { return m | 0o700 }) })
}

// mountSmallDisk mounts a tmpfs of the given size in a folder of the program's home.
func (p *program) mountSmallDisk(name, size string) string {
	p.t.Helper()
	if err := os.Mkdir(p.path(name), 0o700); err != nil {
		p.t.Fatal(err)
	}
	mountFS(p.t, "tmpfs", p.path(name), "tmpfs", 0, "size="+size)
	return p.path(name)
}

// A layout on a read-only file system, or owned by another user, can be read but not written,
// whether transship or another tool wrote it.
func TestReadOnlyLayouts(t *testing.T) {
	for name, foreign := range map[string]bool{"ours": false, "of another tool": true} {
		t.Run(name, func(t *testing.T) {
			c := newCopySetup(t)
			list := c.source.pushThreePlatforms()
			sbom := c.source.pushReferrer("src/repo", list, "application/spdx+json")
			c.source.pushImage("tool", "2", "linux/amd64", "tool")
			c.do("save --referrers -o @/lay/ SRC").want(0)
			if foreign {
				if err := os.RemoveAll(c.path("lay/.transship")); err != nil {
					t.Fatal(err)
				}
			}
			c.makeReadOnly(c.path("lay"))
			c.do("copy --referrers oci:@/lay TO/copied:1").want(0)
			c.do("load @/lay TO/loaded").want(0)
			for _, repo := range []string{"copied", "loaded/src/repo"} {
				if !c.target.has(repo, string(list.Digest)) || !c.target.has(repo, string(sbom.Digest)) {
					t.Errorf("%s is not whole", repo)
				}
			}
			c.do("verify @/lay").want(0)
			c.do("save -o @/x.tar oci:@/lay").want(0)
			c.verifySound(c.path("x.tar"))
			for _, line := range []string{"save -o @/lay/ FROM/tool:2", "copy FROM/tool:2 oci:@/lay:2"} {
				o := c.do(line).want(1, c.path("lay"))
				if !strings.Contains(o.stderr, "read-only") && !strings.Contains(o.stderr, "permission denied") {
					t.Errorf("%s\nsays %s", o.line, o.stderr)
				}
			}
			c.writeFile("images", c.source.host+"/tool:2 oci:"+c.path("lay")+" "+c.target.host+"/tool\n")
			c.do("sync -f @/images").want(8, "failed: line 1: "+c.source.host+"/tool:2 to oci:"+c.path("lay"))
			if !c.target.has("tool", "2") {
				t.Error("the other target has nothing")
			}
		})
	}
}

// A full disk is reported and leaves no incomplete image. With more room the same command finishes.
func TestFullDisk(t *testing.T) {
	c := newCopySetup(t)
	for _, tag := range []string{"1", "2"} {
		c.source.pushImage("big", tag, "linux/amd64", strings.Repeat(tag, 100_000), strings.Repeat("b"+tag, 100_000))
	}
	disk := c.mountSmallDisk("disk", "256k")
	full := wantedError{1, "no space left on device", "free space there"}
	c.do("save -o @/disk/x.tar FROM/big:1").wantError(full)
	c.do("copy FROM/big:1 oci-archive:@/disk/x.tar").wantError(full)
	c.do("save -o @/disk/x.tar --split 64k FROM/big:1").wantError(full)
	if got := fileNames(t, disk); len(got) != 0 {
		t.Errorf("there is %v", got)
	}
	c.do("save --jobs 1 -o @/disk/lay/ FROM/big:1").
		wantError(wantedError{1, "no space left on device", "complete blobs are not fetched again"})
	c.do("copy --jobs 1 FROM/big:1 oci:@/disk/lay").wantError(full)
	if got := imagesIn(t, c.path("disk/lay")); len(got) != 0 {
		t.Errorf("there are images: %v", slices.Collect(maps.Keys(got)))
	}
	c.verifySound(c.path("disk/lay"))
	c.writeFile("images", c.source.host+"/big:1 oci:"+disk+"/lay\n")
	c.do("sync -f @/images").want(1, "no space left on device")
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT, "size=2m"); err != nil {
		t.Fatal(err)
	}
	c.source.ResetRequests()
	c.do("save -o @/disk/lay/ FROM/big:1").want(0)
	if n := c.source.Count("^GET .*/blobs/"); n == 3 {
		t.Error("all blobs were fetched again")
	}
	c.verifySound(c.path("disk/lay"))
	c.do("save -o @/disk/x.tar FROM/big:2").want(0)
	c.verifySound(c.path("disk/x.tar"))
}

// A compressed tar that is larger than the room for temporary files is refused, before it is
// unpacked if its size is known, and leaves nothing. verify reads it as a stream.
func TestFullDiskForTemporaryFiles(t *testing.T) {
	c := newCopySetup(t)
	c.source.pushImage("big", "1", "linux/amd64", strings.Repeat("1", 5<<20), strings.Repeat("b", 5<<20))
	c.do("save -q -o @/x.tar FROM/big:1").want(0)
	c.writeFile("x.tar.gz", gzipped(t, readFile(t, c.path("x.tar"))))
	disk := c.mountSmallDisk("disk", "256k")
	t.Setenv("TMPDIR", disk)
	c.stdin = readFile(t, c.path("x.tar.gz"))
	for line, says := range map[string]string{
		"load @/x.tar.gz TO":                     "bytes or more, and ",
		"save -o @/y.tar oci-archive:@/x.tar.gz": "bytes or more, and ",
		"load - TO":                              "no space left on device",
	} {
		o := c.do(line).want(1, says)
		o.wantError(wantedError{1, "unpacking it in " + disk, "set TMPDIR"})
		c.do("verify @/x.tar.gz").want(0)
		c.do("verify -").want(0)
		if left := fileNames(t, disk); len(left) != 0 {
			t.Errorf("%s leaves %v", line, left)
		}
	}
}
