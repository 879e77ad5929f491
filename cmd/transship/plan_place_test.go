package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A plan for layouts and tars has the calls of the run, and creates no files.
func TestPlanOfLayoutsAndTars(t *testing.T) {
	t.Parallel()
	const cold = "7 blobs, 304 bytes"
	for name, test := range map[string]struct {
		args  []string // @ stands for place
		place string
		kept  string // action of the image in a plan after the run; "" for a tar, which is written anew
	}{
		"copy to a layout": {[]string{"copy", "SRC", "oci:@"}, "dir", "present"},
		"copy to a tar":    {[]string{"copy", "SRC", "oci-archive:@"}, "image.tar", ""},
		"save to a folder": {[]string{"save", "-o", "@/", "SRC"}, "folder", "present"},
		"save to a tar":    {[]string{"save", "-o", "@", "SRC"}, "bundle.tar", ""},
		"pull":             {[]string{"pull", "SRC"}, "store", "present"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCopySetup(t)
			place := filepath.Join(c.env["HOME"], test.place)
			c.env["TRANSSHIP_STORE"] = place
			args := strings.Split(strings.NewReplacer("SRC", c.src, "@", place).Replace(strings.Join(test.args, "\n")),
				"\n")
			r := c.checkPlans(c.source)
			planned := r.plan(args...)
			if _, err := os.Lstat(place); err == nil {
				t.Errorf("the plan has made %s", place)
			}
			if got := storedTotals(planned); got != cold || planned.Totals.Uploads != 0 {
				t.Errorf("the plan has %s, %d uploads", got, planned.Totals.Uploads)
			}
			r.runAsPlanned(args...)
			if info, err := os.Stat(place); test.kept == "" && (err != nil || info.Size() != planned.Totals.Tar) {
				t.Errorf("the tar is said to have %d bytes: %v, %v", planned.Totals.Tar, info, err)
			}
			again := r.plan(args...)
			if test.kept != "" && (len(again.Images) != 1 || again.Images[0].Action != test.kept ||
				storedTotals(again) != "0 blobs, 0 bytes") {
				t.Errorf("what is there is %+v, %s", again.Images, storedTotals(again))
			}
			if got, want := planned.Images[0].Reference, again.Images[0].Reference; got != want {
				t.Errorf("the image is called %s, and then %s", got, want)
			}
		})
	}
}

func storedTotals(r checkedReport) string {
	return fmt.Sprintf("%d blobs, %d bytes", r.Totals.Stores, r.Totals.Stored)
}

// Covers a bundle with a base, two images that share blobs, and a list that goes to a layout.
func TestPlanOfSharedBlobsInTars(t *testing.T) {
	c := newCopySetup(t)
	other := c.source.host + "/src/other:1"
	c.source.pushList("src/other", "1", c.source.pushImage("src/other", "", "linux/amd64", "shared", "for amd64"),
		c.source.pushImage("src/other", "", "linux/riscv64", "shared", "for riscv64"))
	r := c.checkPlans(c.source)
	if got := storedTotals(r.plan("save", "-o", c.path("both.tar"), c.src, other)); got != "9 blobs, 408 bytes" {
		t.Errorf("both images have %s", got)
	}
	c.run("save", "-q", "-o", c.path("old.tar"), c.src).want(0)
	report := r.runAsPlanned("save", "-o", c.path("new.tar"), "--since", c.path("old.tar"), other)
	if got := storedTotals(report); got != "2 blobs, 104 bytes" || report.Totals.Present == 0 {
		t.Errorf("the second bundle has %s, %+v", got, report.Totals)
	}
	list := c.path("list.txt")
	c.writeFile("list.txt", c.src+"\n"+other+"\n")
	report = r.runAsPlanned("sync", "--jobs=1", "-f", list, "oci:"+c.path("dir"))
	if got := storedTotals(report); got != "9 blobs, 408 bytes" {
		t.Errorf("the layout gets %s", got)
	}
	if len(report.Images) != 2 || report.Images[1].Reference != "oci:"+c.path("dir")+":"+other {
		t.Errorf("it gets the images %+v", report.Images)
	}
}

// A blob shared by two tags is planned once, as stored for the first tag, and not as present for
// the second.
func TestPlanOfTwoTagsOfOneRepository(t *testing.T) {
	c := newCopySetup(t)
	c.env["TRANSSHIP_STORE"] = c.path("store")
	c.source.pushImage("a/b", "1", "linux/amd64", "shared")
	c.source.pushImage("a/b", "2", "linux/amd64", "shared", "more")
	report := c.checkPlans(c.source).runAsPlanned("pull", "--jobs=1", c.source.host+"/a/b:1", c.source.host+"/a/b:2")
	if got := storedTotals(report); got != "3 blobs, 101 bytes" || report.Totals.Present != 0 {
		t.Errorf("the store gets %s, %d are present", got, report.Totals.Present)
	}
	for _, b := range report.Images[0].Blobs {
		if b.Action != "store" {
			t.Errorf("of the first image, %+v", b)
		}
	}
}

// Calls are planned in the order of --jobs=1, whatever --jobs says.
func TestPlanOfPullIsInOrder(t *testing.T) {
	c := newCopySetup(t)
	r := c.checkPlans(c.source)
	planned := r.plannedCalls(r.plan("pull", "--jobs=8", c.src))
	c.run("pull", "--jobs=1", c.src).want(0)
	if diff := cmp.Diff(planned, r.madeCalls()); diff != "" {
		t.Errorf("the order is another (-planned +made):\n%s", diff)
	}
}

// The text of a plan with a registry, a layout and a tar as targets.
func TestPlanOfSeveralKindsOfTargets(t *testing.T) {
	c := newCopySetup(t)
	dir, tar := c.path("dir"), c.path("image.tar")
	o := c.run("copy", "--plan", c.src, c.dst, "oci:"+dir, "oci-archive:"+tar).want(0)
	for _, want := range []string{
		"\noci:" + dir + ":" + c.src + ": list, put, ", "\noci-archive:" + tar + ":" + c.src + ": list, put, ",
		c.dst + ": list, put, ",
		"store 91 bytes\n", "blobs: 7 to upload (304 B), 0 to mount, 0 present\n",
		"blobs in layouts and tars: 14 to store (608 B)\n",
	} {
		if !strings.Contains("\n"+o.stdout, want) {
			t.Errorf("%s\ndoes not say %q:\n%s", o.line, want, o.stdout)
		}
	}
	if got := fileNames(t, c.path("")); len(got) != 0 {
		t.Errorf("it leaves %v", got)
	}
	c.checkPlans(c.source, c.target).wantReadOnly(o)
}

// The plan says that it assumes the order of calls only with several targets on registries.
func TestPlanAssumesOrderOfTargets(t *testing.T) {
	c := newCopySetup(t)
	dir := "oci:" + c.path("dir")
	for want, targets := range map[string][][]string{
		"repeats,":         {{c.dst, dir}, {dir, c.dst}, {dir, dir + ":other"}},
		"repeats,targets,": {{c.dst, dir, c.dst + "-b"}},
	} {
		for _, to := range targets {
			got := ""
			for _, a := range c.checkPlans(c.source, c.target).plan(append([]string{"copy", c.src}, to...)...).Assumed {
				if a.About == "repeats" || a.About == "targets" {
					got += a.About + ","
				}
			}
			if got != want {
				t.Errorf("to %s: %s", to, got)
			}
		}
	}
}

// An image without a name is called by its digest, before and after it is there.
func TestPlanOfUnnamedImage(t *testing.T) {
	c := newCopySetup(t)
	to := "oci:" + c.path("dir")
	for _, action := range []string{"put", "present"} {
		report := c.checkPlans().plan("copy", "null:1k:7", to)
		if im := report.Images; len(im) != 1 || im[0].Action != action || im[0].Reference != to+"@"+
			string(im[0].Digest) {
			t.Errorf("%s: %+v", action, im[0])
		}
		c.run("copy", "-q", "null:1k:7", to).want(0)
	}
	if o := c.run("copy", "--plan", "null:1k:7", to+":a/b:1").want(0); !strings.Contains(o.stdout, "image, put") ||
		strings.Contains(o.stdout, "nothing to write") {
		t.Errorf("a name for what is there is planned as\n%s", o.stdout)
	}
}

// Invalid targets are refused as without --plan.
func TestPlanOfInvalidTargets(t *testing.T) {
	c := newCopySetup(t)
	c.writeFile("file", "x")
	c.writeFile("folder/notes.txt", "x")
	c.writeFile("b.tar.json", "[]")
	at := c.path("")
	for line, want := range map[string]wantedError{
		"copy --plan SRC oci:@/file":         {1, "/file: not a directory", ""},
		"save --plan -o @/no/such/x.tar SRC": {4, "there is no folder ", ""},
		"copy --plan SRC oci-archive:@/x.tar:n:1@sha256:" + strings.Repeat("0", 64): {2,
			"the target has a tag and a digest", "give one of the two"},
		"copy --plan SRC oci:@/folder": {1,
			"image layout " + at + "/folder: the folder has no oci-layout and is not empty: notes.txt", ""},
		"save --plan -o @/folder/ SRC":         {1, "the folder has no oci-layout and is not empty: notes.txt", ""},
		"copy --plan SRC oci-archive:@/folder": {1, "/folder: it is there, and no regular file", ""},
		"save --plan -o /dev/null SRC":         {1, "/dev/null: it is there, and no regular file", ""},
		"save --plan -o @/b.tar SRC":           {1, "/b.tar.json: a file is in the way", ""},
		"pull --plan FROM/src/repo:none":       {4, "404 Not Found", "check the name and the tag"},
	} {
		c.do(line).wantError(want)
	}
}
