package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What goes into layouts and tars is planned with the calls that it takes, and nothing is made for it.
func TestPlanOfLayoutsAndTars(t *testing.T) {
	t.Parallel()
	const cold = "7 blobs, 304 bytes"
	for name, test := range map[string]struct {
		args  []string // @ stands for the place
		place string
		kept  string // what of it is the same after the run
	}{
		"copy to a layout": {[]string{"copy", "SRC", "oci:@"}, "dir", "present"},
		"copy to a tar":    {[]string{"copy", "SRC", "oci-archive:@"}, "image.tar", ""},
		"save to a folder": {[]string{"save", "-o", "@/", "SRC"}, "folder", "present"},
		"save to a tar":    {[]string{"save", "-o", "@", "SRC"}, "bundle.tar", ""},
		"pull":             {[]string{"pull", "SRC"}, "store", "present"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVoyage(t)
			place := filepath.Join(v.env["HOME"], test.place)
			v.env["TRANSSHIP_STORE"] = place
			args := strings.Split(strings.NewReplacer("SRC", v.src, "@", place).Replace(strings.Join(test.args, "\n")), "\n")
			r := v.rehearse(v.source)
			planned := r.plan(args...)
			if _, err := os.Lstat(place); err == nil {
				t.Errorf("the plan has made %s", place)
			}
			if got := stored(planned); got != cold || planned.Totals.Uploads != 0 {
				t.Errorf("the plan has %s, %d uploads", got, planned.Totals.Uploads)
			}
			r.same(args...)
			if info, err := os.Stat(place); test.kept == "" && (err != nil || info.Size() != planned.Totals.Tar) {
				t.Errorf("the tar is said to have %d bytes: %v, %v", planned.Totals.Tar, info, err)
			}
			again := r.plan(args...)
			if test.kept != "" && (len(again.Images) != 1 || again.Images[0].Action != test.kept || stored(again) != "0 blobs, 0 bytes") {
				t.Errorf("what is there is %+v, %s", again.Images, stored(again))
			}
			if got, want := planned.Images[0].Reference, again.Images[0].Reference; got != want {
				t.Errorf("the image is called %s, and then %s", got, want)
			}
		})
	}
}

func stored(r checkedReport) string {
	return fmt.Sprintf("%d blobs, %d bytes", r.Totals.Stores, r.Totals.Stored)
}

// A bundle that builds on another one, two images that share blobs, and a list that goes to a layout.
func TestPlanOfWhatIsSharedInTars(t *testing.T) {
	v := newVoyage(t)
	other := v.source.host + "/halohub/other:1"
	v.source.list("halohub/other", "1", v.source.image("halohub/other", "", "linux/amd64", "shared", "for amd64"),
		v.source.image("halohub/other", "", "linux/riscv64", "shared", "for riscv64"))
	r := v.rehearse(v.source)
	if got := stored(r.plan("save", "-o", v.path("both.tar"), v.src, other)); got != "9 blobs, 408 bytes" {
		t.Errorf("both images have %s", got)
	}
	v.run("save", "-q", "-o", v.path("old.tar"), v.src).want(0)
	report := r.same("save", "-o", v.path("new.tar"), "--since", v.path("old.tar"), other)
	if got := stored(report); got != "2 blobs, 104 bytes" || report.Totals.Present == 0 {
		t.Errorf("the second bundle has %s, %+v", got, report.Totals)
	}
	list := v.path("list.txt")
	v.write("list.txt", v.src+"\n"+other+"\n")
	report = r.same("sync", "--jobs=1", "-f", list, "oci:"+v.path("dir"))
	if got := stored(report); got != "9 blobs, 408 bytes" {
		t.Errorf("the layout gets %s", got)
	}
	if len(report.Images) != 2 || report.Images[1].Reference != "oci:"+v.path("dir")+":"+other {
		t.Errorf("it gets the images %+v", report.Images)
	}
}

// A blob that the second of two tags finds there is what the first one brings: it is said once, as stored.
func TestPlanOfTwoTagsOfOneRepository(t *testing.T) {
	v := newVoyage(t)
	v.env["TRANSSHIP_STORE"] = v.path("store")
	v.source.image("a/b", "1", "linux/amd64", "shared")
	v.source.image("a/b", "2", "linux/amd64", "shared", "more")
	report := v.rehearse(v.source).same("pull", "--jobs=1", v.source.host+"/a/b:1", v.source.host+"/a/b:2")
	if got := stored(report); got != "3 blobs, 101 bytes" || report.Totals.Present != 0 {
		t.Errorf("the store gets %s, %d are present", got, report.Totals.Present)
	}
	for _, b := range report.Images[0].Blobs {
		if b.Action != "store" {
			t.Errorf("of the first image, %+v", b)
		}
	}
}

// The calls are planned in the order of one job, whatever number is given.
func TestPlanOfPullIsInOrder(t *testing.T) {
	v := newVoyage(t)
	r := v.rehearse(v.source)
	planned := r.foreseen(r.plan("pull", "--jobs=8", v.src))
	v.run("pull", "--jobs=1", v.src).want(0)
	if diff := cmp.Diff(planned, r.made()); diff != "" {
		t.Errorf("the order is another (-planned +made):\n%s", diff)
	}
}

// A registry, a layout and a tar in one pass, as people read it.
func TestPlanOfSeveralKindsOfTargets(t *testing.T) {
	v := newVoyage(t)
	dir, tar := v.path("dir"), v.path("image.tar")
	o := v.run("copy", "--plan", v.src, v.dst, "oci:"+dir, "oci-archive:"+tar).want(0)
	for _, want := range []string{
		"\noci:" + dir + ":" + v.src + ": list, put, ", "\noci-archive:" + tar + ":" + v.src + ": list, put, ", v.dst + ": list, put, ",
		"store 91 bytes\n", "blobs: 7 to upload (304 B), 0 to mount, 0 present\n", "blobs in layouts and tars: 14 to store (608 B)\n",
	} {
		if !strings.Contains("\n"+o.stdout, want) {
			t.Errorf("%s\ndoes not say %q:\n%s", o.line, want, o.stdout)
		}
	}
	if got := files(t, v.path("")); len(got) != 0 {
		t.Errorf("it leaves %v", got)
	}
	v.rehearse(v.source, v.target).onlyRead(o)
}

// The order of calls to several targets is assumed where there are several that are called.
func TestPlanOfARegistryAndALayout(t *testing.T) {
	v := newVoyage(t)
	dir := "oci:" + v.path("dir")
	for want, targets := range map[string][][]string{
		"repeats,": {{v.dst, dir}, {dir, v.dst}, {dir, dir + ":other"}}, "repeats,targets,": {{v.dst, dir, v.dst + "-b"}},
	} {
		for _, to := range targets {
			got := ""
			for _, a := range v.rehearse(v.source, v.target).plan(append([]string{"copy", v.src}, to...)...).Assumed {
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

// An image without a name is called by its digest, before it is there and then.
func TestPlanOfAnImageWithoutName(t *testing.T) {
	v := newVoyage(t)
	to := "oci:" + v.path("dir")
	for _, action := range []string{"put", "present"} {
		report := v.rehearse().plan("copy", "null:1k:7", to)
		if im := report.Images; len(im) != 1 || im[0].Action != action || im[0].Reference != to+"@"+string(im[0].Digest) {
			t.Errorf("%s: %+v", action, im[0])
		}
		v.run("copy", "-q", "null:1k:7", to).want(0)
	}
	if o := v.run("copy", "--plan", "null:1k:7", to+":a/b:1").want(0); !strings.Contains(o.stdout, "image, put") || strings.Contains(o.stdout, "nothing has to be written") {
		t.Errorf("a name for what is there is planned as\n%s", o.stdout)
	}
}

// What cannot be is refused as without --plan.
func TestPlanOfPlacesThatCannotBe(t *testing.T) {
	v := newVoyage(t)
	v.write("file", "x")
	v.write("folder/notes.txt", "x")
	v.write("b.tar.json", "[]")
	at := v.path("")
	for line, want := range map[string]complaint{
		"copy --plan SRC oci:@/file":                                                {1, "/file/oci-layout: not a directory", ""},
		"save --plan -o @/no/such/x.tar SRC":                                        {1, "there is no folder ", ""},
		"copy --plan SRC oci-archive:@/x.tar:n:1@sha256:" + strings.Repeat("0", 64): {2, "the target has a tag and a digest", "give it one of the two"},
		"copy --plan SRC oci:@/folder":                                              {1, "image layout " + at + "/folder: the folder has no oci-layout and is not empty: notes.txt", ""},
		"save --plan -o @/folder/ SRC":                                              {1, "the folder has no oci-layout and is not empty: notes.txt", ""},
		"copy --plan SRC oci-archive:@/folder":                                      {1, "/folder: it is there, and no regular file", ""},
		"save --plan -o /dev/null SRC":                                              {1, "/dev/null: it is there, and no regular file", ""},
		"save --plan -o @/b.tar SRC":                                                {1, "/b.tar.json: a file is in the way", ""},
		"pull --plan FROM/halohub/halo:none":                                        {4, "404 Not Found", "check the name and the tag"},
	} {
		v.do(line).complains(want)
	}
}
