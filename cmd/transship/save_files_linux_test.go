package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// Many lines may name one tar: it is open once.
func TestSaveOpensATarOnce(t *testing.T) {
	v := newVoyage(t)
	v.do("save -o @/a.tar SRC").want(0)
	v.write("images", strings.Repeat("oci-archive:"+v.path("a.tar")+":1.6\n", 1000))
	open := openFiles(t)
	fewFiles(t, open+50)
	v.do("save -o @/b.tar -f @/images").want(0)
	if content(t, v.path("a.tar")) != content(t, v.path("b.tar")) {
		t.Error("it is another bundle")
	}
	if now := openFiles(t); now > open {
		t.Errorf("%d files are open, %d were before", now, open)
	}
}

// openFiles counts the files that the process has open, sockets and pipes among them.
func openFiles(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(entries)
}

// fewFiles lets the process have no more than n files open until the test ends.
func fewFiles(t testing.TB, n int) {
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
