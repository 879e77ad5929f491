package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// gzipped returns content as gzip writes it.
func gzipped(t testing.TB, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// useTempDir makes an empty folder that of temporary files. At the end nothing may be left in it.
func useTempDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Cleanup(func() {
		if left := fileNames(t, dir); len(left) != 0 {
			t.Errorf("temporary files are left: %v", left)
		}
	})
	return dir
}

// A tar that is compressed with gzip is read wherever a tar is, as docker save IMAGE | gzip makes it.
func TestCompressedTars(t *testing.T) {
	dir := useTempDir(t)
	c := newLoadSetup(t)
	c.writeFile("x.tar.gz", gzipped(t, readFile(t, c.path("x.tar"))))
	c.writeFile("docker.tar.gz", gzipped(t, makeTar(t, dockerMembers(t, emptyIndex)...)))
	unpacking := "unpacking " + c.path("x.tar.gz") + " into a temporary file in " + dir
	o := c.do("load @/x.tar.gz TO/p").want(0, unpacking, "loaded 3 images of ")
	if got := c.loadedImages(o); !slices.Equal(got, []string{"p/a/tool:2", "p/dst/repo:1.6", "p/library/alpine:3.20"}) {
		t.Errorf("%s\nloads %v", o.line, got)
	}
	c.do("load @/docker.tar.gz TO/q").want(0, "loaded 1 image of ")
	c.do("verify --deep TO/q/dst/repo:1.6").want(0)
	c.verifySound(c.path("x.tar.gz"))
	for _, line := range []string{"verify @/x.tar.gz", "load -q @/x.tar.gz TO/p"} {
		if o := c.do(line).want(0); o.stderr != "" {
			t.Errorf("%s\nsays %s", o.line, o.stderr)
		}
	}
	c.do("copy oci-archive:@/x.tar.gz:dst/repo:1.6 TO/r:1").want(0)
	c.do("copy docker-archive:@/docker.tar.gz TO/r:2").want(0)
	c.do("copy oci-archive:@/x.tar.gz oci:@/lay").want(2, "there are 3 images")
	c.do("save -q -o @/y.tar oci-archive:@/x.tar.gz").want(0)
	c.verifySound(c.path("y.tar"))
	c.writeFile("images", "oci-archive:"+c.path("x.tar.gz")+":1.6 "+c.target.host+"/s:1\n"+
		"oci-archive:"+c.path("x.tar.gz")+":3.20 "+c.target.host+"/s:2\n")
	c.do("sync -f @/images").want(0)
	if !c.target.has("r", "1") || !c.target.has("r", "2") || !c.target.has("s", "1") || !c.target.has("s", "2") {
		t.Error("an image is missing")
	}
}

// load - and verify - read what another program writes.
func TestTarOnStandardInput(t *testing.T) {
	useTempDir(t)
	c := newLoadSetup(t)
	plain := readFile(t, c.path("x.tar"))
	for name, input := range map[string]string{"plain": plain, "packed": gzipped(t, plain)} {
		c.stdin = input
		o := c.do("load - TO/"+name).want(0, "loaded 3 images of standard input to ")
		if got := c.loadedImages(o); len(got) != 3 {
			t.Errorf("%s\nloads %v", o.line, got)
		}
		c.do("load - TO/"+name+" 1.6").want(0, "loaded 1 image of ")
		c.do("verify -").want(0)
	}
	c.stdin = plain[:len(plain)-3000]
	c.do("load - TO").wantError(wantedError{7, "standard input: ", "transfer the file again"})
	c.do("verify -").want(7)
	c.stdin = "text"
	c.do("load - TO").want(7, "standard input: it is no tar")
	c.stdin = ""
	c.do("load - TO").want(7, "standard input: it holds no images")
	c.stdinTerminal = true
	c.do("load - TO").wantError(wantedError{2, "standard input is a terminal", "docker save IMAGE | transship load -"})
	c.do("verify -").wantError(wantedError{2, "standard input is a terminal", "docker save IMAGE | transship verify -"})
}

// What cannot be unpacked here is refused with the command that does it.
func TestOtherCompressionsAreRefused(t *testing.T) {
	useTempDir(t)
	c := newCopySetup(t)
	for tool, magic := range map[string]string{
		"unzstd": "\x28\xb5\x2f\xfd", "unxz": "\xfd7zXZ\x00", "bunzip2": "BZh9",
	} {
		file := c.writeFile("x.tar", magic+"the rest")
		want := wantedError{1, "unpack it first, with " + tool + " -k " + file, ""}
		for _, line := range []string{"load @/x.tar TO", "verify @/x.tar", "copy oci-archive:@/x.tar DST",
			"save -o @/y.tar oci-archive:@/x.tar"} {
			c.do(line).wantError(want)
		}
		c.stdin = magic + "the rest"
		c.do("load - TO").wantError(wantedError{1, "standard input: it is compressed with ", ""})
	}
	if n := c.target.Count(""); n != 0 {
		t.Errorf("the registry was asked %d times", n)
	}
}

// Where a tar cannot be unpacked, the folder and TMPDIR are named, and nothing is loaded.
func TestNoRoomToUnpack(t *testing.T) {
	c := newLoadSetup(t)
	c.writeFile("x.tar.gz", gzipped(t, readFile(t, c.path("x.tar"))))
	none := filepath.Join(t.TempDir(), "none")
	t.Setenv("TMPDIR", none)
	want := wantedError{1, "x.tar.gz: unpacking it in " + none, "set TMPDIR to a folder with room for it"}
	for _, line := range []string{"load @/x.tar.gz TO", "verify @/x.tar.gz", "copy oci-archive:@/x.tar.gz:1.6 DST",
		"save -o @/y.tar oci-archive:@/x.tar.gz"} {
		c.do(line).wantError(want)
	}
	if err := os.Mkdir(none, 0o700); err != nil {
		t.Fatal(err)
	}
	c.do("load @/x.tar.gz TO").want(0)
}
