package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// A tar named by many lines is opened once.
func TestSaveOpensTarOnce(t *testing.T) {
	c := newCopySetup(t)
	c.do("save -o @/a.tar SRC").want(0)
	c.writeFile("images", strings.Repeat("oci-archive:"+c.path("a.tar")+":1.6\n", 1000))
	open := countOpenFiles(t)
	limitOpenFiles(t, open+50)
	c.do("save -o @/b.tar -f @/images").want(0)
	if readFile(t, c.path("a.tar")) != readFile(t, c.path("b.tar")) {
		t.Error("it is another bundle")
	}
	if now := countOpenFiles(t); now > open {
		t.Errorf("%d files are open, %d were before", now, open)
	}
}

func TestSyncOpensTarOnce(t *testing.T) {
	c := newCopySetup(t)
	c.do("save -q -o @/a.tar SRC").want(0)
	c.writeList(strings.Repeat("oci-archive:@/a.tar:1.6 oci:@/lay\n", 500))
	limitOpenFiles(t, countOpenFiles(t)+50)
	c.do("sync -f @/images").want(0, "synced 1 image")
	c.verifySound(c.path("lay"))
}

// Commands close the files that they read, also when they fail.
func TestFilesAreClosed(t *testing.T) {
	c := newCopySetup(t)
	c.do("save -q -o @/x.tar SRC").want(0)
	c.do("save -q -o @/s.tar --split 4k SRC").want(0)
	c.do("save -q -o @/lay/ SRC").want(0)
	c.writeFile("images", "oci-archive:"+c.path("x.tar")+"\noci-archive:"+c.path("s.tar")+":1.6\noci:"+c.path("lay")+
		"\noci-archive:"+c.path("x.tar")+":nope\n")
	for _, line := range []string{"save -o @/y.tar oci-archive:@/x.tar oci-archive:@/s.tar.001",
		"save -o @/y/ oci-archive:@/x.tar", "save -o @/z.tar --since @/x.tar oci-archive:@/x.tar",
		"save -o @/z.tar oci-archive:@/x.tar oci-archive:@/x.tar:nope", "copy oci-archive:@/x.tar oci:@/copy",
		"copy oci:@/lay oci-archive:@/copy.tar", "copy oci-archive:@/x.tar:nope oci:@/copy",
		"copy oci-archive:@/x.tar oci-archive:@/copy.tar oci-archive:@/no/such.tar", "verify @/x.tar", "verify @/s.tar",
		"verify @/lay", "sync -f @/images oci:@/synced", "load @/x.tar UP",
		"load @/x.tar TO nope", "load @/x.tar TO --rewrite " + c.source.host + "=UP"} {
		open := countOpenFiles(t)
		o := c.do(line)
		if now := countOpenFiles(t); now > open {
			t.Errorf("%s\nleaves %d files open", o.line, now-open)
		}
	}
}

// countOpenFiles returns the number of open file descriptors of the process.
func countOpenFiles(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(entries)
}

// limitOpenFiles sets the process's limit of open files to n until the test ends.
func limitOpenFiles(t testing.TB, n int) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: uint64(n), Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	})
}
