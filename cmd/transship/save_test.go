package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/distribution/layout"
)

// The same images give the same bytes, whatever their order and the number of jobs, in a file, on
// standard output or in volumes.
func TestSaveIsReproducible(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	c.source.pushImage("tool", "2", "linux/amd64", "shared", "tool")
	o := c.do("save -o @/a.tar SRC FROM/tool:2").want(0, "saved 2 images to "+c.path("a.tar")+": blobs: 8 fetched; ")
	want := readFile(t, c.path("a.tar"))
	if o.stdout != "" {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	c.writeFile("images.txt", c.source.host+"/tool:2\n"+c.src+" # twice\n"+c.src)
	for i, line := range []string{"--jobs 1 FROM/tool:2 SRC", "--sum --jobs 20 SRC SRC FROM/tool:2", "-f @/images.txt",
		"--quiet SRC -f @/images.txt --http1"} {
		o := c.do(fmt.Sprintf("save -o @/%d.tar %s", i, line)).want(0)
		if readFile(t, c.path(fmt.Sprint(i, ".tar"))) != want {
			t.Errorf("%s\nmakes other bytes", o.line)
		}
		if strings.Contains(line, "--quiet") != (o.stderr == "") {
			t.Errorf("%s\nsays %q", o.line, o.stderr)
		}
	}
	o = c.do("save -o - FROM/tool:2 SRC").want(0, "saved 2 images to standard output in ")
	if o.stdout != want {
		t.Error("standard output got other bytes")
	}
	o = c.do("save -o @/s.tar --split 2k SRC FROM/tool:2").want(0)
	joined, volumes := "", strings.Count(o.stdout, "\n")
	for i := range volumes {
		joined += readFile(t, fmt.Sprintf("%s.%03d", c.path("s.tar"), i+1))
	}
	if joined != want || volumes != (len(want)+2047)/2048 {
		t.Errorf("%d volumes make other bytes", volumes)
	}
	for _, name := range []string{"a.tar", "s.tar", "s.tar.001"} {
		c.verifySound(c.path(name))
	}
}

// The inventory beside a bundle lists its content.
func TestSaveInventory(t *testing.T) {
	c := newCopySetup(t)
	list := c.source.pushThreePlatforms()
	c.do("save -o @/a.tar SRC").want(0)
	in, err := layout.ReadInventory(c.path("a.tar.json"))
	if err != nil || len(in.Images) != 1 || in.Images[0].Name != c.src || in.Images[0].Digest != list.Digest ||
		len(in.Content) != 11 || in.Base != nil || len(in.Volumes) != 1 {
		t.Errorf("got %+v, error %v", in, err)
	}
	if got := fileNames(t, c.path("")); !slices.Equal(got, []string{"a.tar", "a.tar.json"}) {
		t.Errorf("there is %v", got)
	}
}

// save prints lines for sha256sum -c for volumes, and for a single file with --sum.
func TestSaveSums(t *testing.T) {
	c := newCopySetup(t)
	for line, want := range map[string][]string{
		"save -o @/a.tar SRC":                   nil,
		"save -o @/a.tar --sum SRC":             {"a.tar"},
		"save -o @/s.tar --split 8k SRC":        {"s.tar.001", "s.tar.002", "s.tar.003"},
		"save -o @/s.tar --split 8k --sum SRC":  {"s.tar.001", "s.tar.002", "s.tar.003"},
		"save -o @/big.tar --split 1GiB -q SRC": {"big.tar.001"},
	} {
		o := c.do(line).want(0)
		lines := ""
		for _, name := range want {
			sum := sha256.Sum256([]byte(readFile(t, c.path(name))))
			lines += hex.EncodeToString(sum[:]) + "  " + c.path(name) + "\n"
		}
		if o.stdout != lines {
			t.Errorf("%s\nprints %s\nwant   %s", o.line, o.stdout, lines)
		}
	}
	// A relative name is printed as given.
	t.Chdir(c.path(""))
	if o := c.run("save", "--sum", "-o", "b.tar", c.src).want(0); !strings.HasSuffix(o.stdout, "  b.tar\n") {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
}

func TestSaveList(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	for _, tag := range []string{"v1.9", "v1.10", "v2.0", "latest"} {
		c.source.pushImage("app", tag, "linux/amd64", "app", tag)
	}
	from := c.source.host + "/"
	for list, want := range map[string][]string{
		from + "src/repo:1.6 dst/repo":        {"dst/repo:1.6"},
		from + "src/repo:1.6 dst/repo:2 x/y":  {"dst/repo:2", "x/y:1.6"},
		from + "src/repo:1.6 docker://dir:2":  {"dir:2"},
		from + "src/repo:1.6@DIGEST dst/repo": {"dst/repo:1.6"},
		from + "src/repo@DIGEST dst/repo":     {"dst/repo@DIGEST"},
		from + "app": {from + "app:latest", from + "app:v1.10", from + "app:v1.9",
			from + "app:v2.0"},
		from + "app:v1.* app":                          {"app:v1.10", "app:v1.9"},
		`[{"source":"` + from + `app:v*","latest":2}]`: {from + "app:v1.10", from + "app:v2.0"},
		`["` + from + `app:v2.0",{"source":"` + from + `app:v1.9","targets":["a","b:9"]}]`: {from + "app:v2.0",
			"a:v1.9", "b:9"},
	} {
		digest := strings.NewReplacer("DIGEST", string(c.source.pushThreePlatforms().Digest))
		c.writeFile("images", digest.Replace(list))
		c.do("save -o @/x.tar -f @/images").want(0)
		for i := range want {
			want[i] = digest.Replace(want[i])
		}
		slices.Sort(want)
		if got := imageNames(t, c.path("x.tar")); !slices.Equal(got, want) {
			t.Errorf("%s\n%s", list, cmp.Diff(want, got))
		}
		c.stdin = digest.Replace(list)
		c.do("save -o @/y.tar -f -").want(0)
		if readFile(t, c.path("x.tar")) != readFile(t, c.path("y.tar")) {
			t.Errorf("%s: standard input makes other bytes", list)
		}
	}
}

func TestSaveListErrors(t *testing.T) {
	c := newCopySetup(t)
	for list, want := range map[string]wantedError{
		"repo:1.6\n\nrepo:1.6:7":      {2, ": line 3: invalid reference", ""},
		"repo:1.6 a b@" + emptySHA256: {2, ": line 1: the new name has a digest", ""},
		"repo a:1":                    {2, ": line 1: one tag cannot name several images", ""},
		"repo:1.6 oci:x":              {2, ": line 1: oci:x is not a name for an image", ""},
		"repo:[":                      {2, `: line 1: "[" is not a pattern of tags`, "a pattern has *"},
		"#\nftp:\n":                   {2, ": line 2: invalid reference", ""},
		"dir:x":                       {2, ": line 1: the transport dir: is not supported", "use docker://REF"},
		`["repo:1.6",`:                {2, ": line 1: ", ""},
		`[{"source":"repo:1.6","latest":2}]`: {2,
			": line 1: latest selects among the tags", ""},
	} {
		c.writeFile("images", list)
		c.do("save -o @/x.tar -f @/images SRC").wantError(want)
	}
	c.do("save -o @/x.tar -f @/none").wantError(wantedError{4, "none: no such file or directory", ""})
	c.do("save -o @/x.tar -f @/images SRC x:").want(2)
	if n := c.source.Count(""); n != 0 {
		t.Errorf("%d calls before all was read", n)
	}
	c.writeFile("images", c.source.host+"/src/repo:none*")
	c.do("save -o @/x.tar -f @/images").wantError(wantedError{4, "/src/repo:none* matches no tag", ""})
	c.writeFile("images", c.source.host+"/nothing/here")
	c.do("save -o @/x.tar -f @/images").wantError(wantedError{4, "404 Not Found", "check the name"})
	c.writeFile("images", "# nothing\n")
	c.do("save -o @/x.tar -f @/images").wantError(wantedError{2, "images names no image", "SRC [DST]"})
	if got := fileNames(t, c.path("")); !slices.Equal(got, []string{"images"}) {
		t.Errorf("there is %v", got)
	}
}

func TestSaveErrors(t *testing.T) {
	c := newCopySetup(t)
	c.writeFile("notes.txt.json", `{"notes":1}`)
	for line, want := range map[string]wantedError{
		"save -o= SRC":                   {2, "-o names no file", "-o FILE.tar writes a bundle"},
		"save -o @/x.tar":                {2, "there is nothing to save", "-f FILE"},
		"save -o - --split 1k SRC":       {2, "--split needs a file to write to", "writes FILE.tar.001"},
		"save -o @/d/ --split 1k SRC":    {2, "--split needs a file to write to", "writes FILE.tar.001"},
		"save -o - --sum SRC":            {2, "--sum needs a file to write to", "sha256sum"},
		"save -o @/d/ --sum SRC":         {2, "--sum needs a file to write to", "-o FILE.tar"},
		"save -o @/d/ --since x.tar SRC": {2, "--since is for bundles, not for folders", "leave out --since"},
		"save -o @/x.tar --split 0 SRC":  {2, `--split: "0" is not a number of bytes`, ""},
		"save -o @/x.tar --split 100 SRC": {2, "--split: volumes of 100 bytes are too small",
			"--split 4GiB"},
		"save -o @/no/such/x.tar SRC": {4, "x.tar cannot be written: there is no folder ", ""},
		"save -o @/notes.txt SRC":     {1, "notes.txt.json: a file is in the way: it is no inventory of a bundle", ""},
		"save -o /dev/null SRC":       {1, "/dev/null: it is there, and no regular file", ""},
		"save -o @/x.tar --since @/none SRC": {4,
			"--since: neither a bundle nor an inventory", ""},
		"save -o @/x.tar --since docker://x SRC": {2, "does not begin with a registry's host",
			"docker.io/x"},
		"save -o @/x.tar --platform linux/s390x SRC": {4,
			"linux/s390x", ""},
		"save -o @/x.tar dir:x":                  {2, "the transport dir: is not supported", "use docker://REF"},
		"save -o @/x.tar oci:@/none":             {4, "none: no such file or directory", ""},
		"save -o @/x.tar SRC FROM/src/repo:none": {4, "404 Not Found", "check the name and the tag"},
	} {
		c.do(line).wantError(want)
	}
	if got := fileNames(t, c.path("")); !slices.Equal(got, []string{"notes.txt.json"}) {
		t.Errorf("there is %v", got)
	}
}
