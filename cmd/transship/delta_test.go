package main

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/registry"
)

// weeklyLayer returns a layer of 100 files, of which each week renews two more. It is compressed with
// gzip, unless level is -9.
func weeklyLayer(week, level int) string {
	layer, _ := weeklyLayers.LoadOrStore([2]int{week, level}, sync.OnceValue(func() string { return newWeeklyLayer(week, level) }))
	return layer.(func() string)()
}

// weeklyLayers has a func() string for each week and level: many tests want the same ones.
var weeklyLayers sync.Map

func newWeeklyLayer(week, level int) string {
	var text bytes.Buffer
	for i := range 100 {
		version := 0
		if i%50 < week {
			version = i + 1
		}
		rnd := rand.New(rand.NewPCG(uint64(i), uint64(version)))
		fmt.Fprintf(&text, "file %d of week %d\n", i, week)
		for range 300 {
			fmt.Fprintf(&text, "%x ", rnd.Uint32())
		}
	}
	if level == -9 {
		return text.String()
	}
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, level)
	if err != nil {
		panic(err)
	}
	w.Write(text.Bytes())
	w.Close()
	return out.String()
}

// newWeeklySetup returns a copySetup whose source has an app of three weeks, as src/app:1 to src/app:3: a
// list of two platforms, each with a layer that stays, one that changes, and a small one.
func newWeeklySetup(t testing.TB) *copySetup {
	t.Helper()
	c := newCopySetup(t)
	for week := range 3 {
		amd64 := c.source.pushImage("src/app", "", "linux/amd64", "shared", weeklyLayer(week, 6), fmt.Sprint("small ", week))
		arm64 := c.source.pushImage("src/app", "", "linux/arm64", "shared", weeklyLayer(week, 9), weeklyLayer(week, -9))
		c.source.pushList("src/app", fmt.Sprint(week+1), amd64, arm64)
	}
	c.src = c.source.host + "/src/app:"
	return c
}

// deltasOf returns how many blobs a bundle has as deltas, and how large these are together.
func deltasOf(t testing.TB, path string) (n int, size int64) {
	t.Helper()
	in, err := layout.ReadInventory(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range in.Content {
		if content.Delta != nil {
			n++
			size += content.Delta.Size
		}
	}
	return n, size
}

// Three bundles, of which each has deltas to the one before, are loaded one after the other.
func TestSaveDeltaChain(t *testing.T) {
	t.Parallel()
	c := newWeeklySetup(t)
	c.do("save -o @/1.tar SRC1").want(0)
	o := c.do("save -o @/2.tar --since @/1.tar --delta SRC2").want(0, "7 blobs: 3 there already", "3 as deltas", "1 whole")
	c.do("save -o @/3.tar --since @/2.tar --delta SRC3").want(0, "3 as deltas")
	for _, name := range []string{"2.tar", "3.tar"} {
		if n, size := deltasOf(t, c.path(name)); n != 3 || size > 100<<10 {
			t.Errorf("%s: %d deltas of %d bytes\n%s", name, n, size, o.stderr)
		}
	}
	c.do("save -o @/same.tar --since @/1.tar.json --delta SRC2").want(0)
	if readFile(t, c.path("same.tar")) != readFile(t, c.path("2.tar")) {
		t.Error("the same images gave other bytes")
	}
	c.do("verify @/2.tar").want(0)
	c.do("verify @/3.tar").want(0)

	// At the far side there is one bundle at a time.
	for i, name := range []string{"1", "2", "3"} {
		c.must(os.MkdirAll(c.path("far"+name), 0o700))
		c.must(os.Rename(c.path(name+".tar"), c.path("far"+name+"/"+name+".tar")))
		if i == 1 {
			c.do("load @/far1/1.tar TO/elsewhere").want(0)
		}
		if i == 2 {
			c.do("load @/far3/3.tar TO/elsewhere").wantError(wantedError{4, "3.tar builds on 2.tar, and", "load 2.tar first"})
			c.must(os.Rename(c.path("far2/2.tar"), c.path("far3/2.tar"))) // of no use without 1.tar
		}
		c.do("load @/far" + name + "/" + name + ".tar TO/mirror").want(0)
		c.do("verify --deep TO/mirror/src/app:" + name).want(0)
	}
	if c.target.has("elsewhere/src/app", "3") {
		t.Error("a bundle whose base is missing was loaded")
	}
}

// The base of a bundle with deltas is found beside it, or named.
func TestDeltaBases(t *testing.T) {
	t.Parallel()
	c := newWeeklySetup(t)
	c.do("save -o @/1.tar SRC1").want(0)
	c.do("save -o @/2.tar --since @/1.tar --delta SRC2").want(0)
	c.do("save -o @/3.tar --since @/2.tar --delta SRC3").want(0)
	c.do("load @/3.tar TO/beside").want(0)
	c.do("verify --deep TO/beside/src/app:3").want(0)
	c.do("copy oci-archive:@/3.tar TO/copied/app:3").want(0)
	c.do("verify --deep TO/copied/app:3").want(0)

	c.must(os.Mkdir(c.path("far"), 0o700))
	c.must(os.Rename(c.path("3.tar"), c.path("far/3.tar")))
	o := c.do("verify @/far/3.tar").want(0)
	if !strings.HasSuffix(o.stdout, "; it builds on 2.tar, which 3 deltas must be applied to: --base checks that\n") {
		t.Errorf("verify prints %s", o.stdout)
	}
	c.do("verify --base @/1.tar @/far/3.tar").wantError(wantedError{4, "3.tar builds on 2.tar", "--base must name 2.tar"})
	o = c.do("verify oci-archive:@/far/3.tar:3").want(0)
	if !strings.HasSuffix(o.stdout, "; it builds on 2.tar, which 3 deltas must be applied to: --base checks that\n") {
		t.Errorf("verify of one image prints %s", o.stdout)
	}
	c.do("verify --base @/2.tar oci-archive:@/far/3.tar:3").wantError(wantedError{2, "--base is for whole bundles", "the file alone"})
	o = c.do("verify --base @/2.tar @/far/3.tar").want(0)
	if strings.Contains(o.stdout, "must be applied") {
		t.Errorf("verify prints %s", o.stdout)
	}
	c.do("load --base @/2.tar @/far/3.tar TO/based").want(0)
	c.do("verify --deep TO/based/src/app:3").want(0)
	missing := wantedError{4, "far/3.tar builds on 2.tar, which is missing: ", "put 2.tar into the folder of"}
	c.do("copy oci-archive:@/far/3.tar TO/alone/app:3").wantError(missing)
	c.do("save -o @/saved.tar oci-archive:@/far/3.tar").wantError(missing)
	c.must(os.Mkdir(c.path("between"), 0o700))
	c.must(os.Rename(c.path("2.tar"), c.path("between/2,a.tar"))) // files may have any name
	c.do("verify --base @/between/2,a.tar @/far/3.tar").wantError(wantedError{4, "3.tar builds on 2.tar", "--base must name 1.tar"})
	c.do("verify --base @/between/2,a.tar --base @/1.tar @/far/3.tar").want(0)
	c.must(os.Rename(c.path("between/2,a.tar"), c.path("far/2.tar")))
	c.do("copy oci-archive:@/far/3.tar TO/alone/app:3").wantError(wantedError{4, "builds on 1.tar, which is missing", "put 1.tar into"})
	if c.target.has("alone/app", "3") {
		t.Error("the image is there")
	}
}

// --since may be a folder or a registry, and the bundle a pipe or volumes.
func TestSaveDeltaSince(t *testing.T) {
	t.Parallel()
	c := newWeeklySetup(t)
	c.do("save -o @/1.tar SRC1").want(0)
	c.do("save -o @/1/ SRC1").want(0)
	c.do("load @/1.tar TO/mirror").want(0)
	c.do("save -o @/folder.tar --since @/1/ --delta --split 64k SRC2").want(0, "3 as deltas")
	c.do("save -o @/registry.tar --since docker://TO/mirror --delta SRC2").want(0, "3 as deltas")
	for i, name := range []string{"folder.tar", "registry.tar"} {
		prefix := fmt.Sprint("mirror", i)
		c.do("load @/1.tar TO/" + prefix).want(0)
		c.do("load @/" + name + " TO/" + prefix).want(0)
		c.do("verify --deep TO/" + prefix + "/src/app:2").want(0)
	}
	// An image on the far registry, under another name there: its repository is not where SRC2 is loaded to.
	c.do("copy SRC1 TO/renamed:old").want(0)
	c.do("save -o @/image.tar --since docker://TO/renamed:old --delta SRC2").want(0, "3 there already, 3 as deltas")
	c.do("load @/image.tar TO/of-image").want(0)
	c.do("verify --deep TO/of-image/src/app:2").want(0)
	c.do("save -o @/near.tar --since docker://SRC1 --delta SRC2").want(0, "3 there already, 3 as deltas")
	c.do("load @/near.tar TO/mirror").want(0)
	c.do("load @/near.tar TO/nowhere").wantError(wantedError{4, "near.tar builds on " + c.src + "1, and", "load or copy " + c.src + "1 there first"})
	c.do("save --delta -o @/x.tar SRC2").wantError(wantedError{2, "--delta needs --since", "--since FILE.tar"})
	c.must(os.Rename(c.path("1.tar"), c.path("moved.tar")))
	c.do("save --delta --since @/1.tar.json -o @/x.tar SRC2").wantError(wantedError{4, "--delta", "beside its inventory"})
}

// The base of an image may have a tag alone, be the only one, or be a single image; why there is none is said.
func TestSaveDeltaFindsBase(t *testing.T) {
	t.Parallel()
	c := newWeeklySetup(t)
	for week, name := range []string{"tags", "new"} {
		c.do(fmt.Sprintf("save -o @/%s/ SRC%d", name, week+1)).want(0)
		c.setRefNames(name, fmt.Sprint("v", week+1))
	}
	c.writeFile("list", "oci:"+c.path("tags:v1")+" example.com/other:1\n")
	c.do("save -o @/other.tar -f @/list").want(0)
	c.do("copy --flatten --platform linux/arm64 SRC1 oci:@/single:1").want(0)
	for line, want := range map[string]string{
		"--since @/tags SRC2":           "3 there already, 3 as deltas",
		"--since oci:@/tags oci:@/new":  "3 there already, 3 as deltas",
		"--since @/other.tar SRC2":      "3 there already, 3 as deltas",
		"--since @/other.tar oci:@/new": "3 there already, 3 as deltas",
		"--since @/single SRC2":         "2 there already, 2 as deltas",
	} {
		c.do("save -o @/2.tar --delta "+line).want(0, want)
		since, _, _ := strings.Cut(strings.TrimPrefix(line, "--since "), " ")
		c.do("verify --base " + since + " @/2.tar").want(0)
	}
	signature := "FROM/src/app:sha256-" + strings.Repeat("f", 64) + ".sig"
	c.source.pushImage("src/app", signature[len("FROM/src/app:"):], "linux/s390x", "signature")
	c.do("save -o @/signed.tar SRC1 " + signature).want(0)
	c.do("save -o @/2.tar --since @/signed.tar --delta SRC2 "+signature).want(0, "3 as deltas")
	c.do("load @/signed.tar TO").want(0)
	c.do("save -o @/2.tar --since docker://TO --delta SRC2").want(0, "3 as deltas")

	c.writeFile("list", "oci:"+c.path("tags:v1")+" example.com/a:1\noci:"+c.path("new:v2")+" example.com/b:1\n")
	c.do("save -o @/others.tar -f @/list").want(0)
	c.source.pushImage("src/other", "1", "linux/s390x", weeklyLayer(1, 6))
	app := c.source.host + "/src/app"
	for line, want := range map[string]string{
		"--since @/others.tar SRC2":        "no deltas of " + app + ":2: no image of " + c.path("others.tar") + " is of " + app,
		"--since @/others.tar oci:@/new":   "it has no name to look for in " + c.path("others.tar"),
		"--since docker://TO/none SRC2":    "no deltas of " + app + ":2: there is no image in " + c.target.host + "/none/src/app",
		"--since @/tags FROM/src/other:1":  "has other platforms",
		"--plan --since @/others.tar SRC2": "no deltas of " + app + ":2: no image of ",
	} {
		o := c.do("save -o @/2.tar --delta "+line).want(0, want)
		if !strings.Contains(line, "--plan") {
			o.want(0, ", 0 as deltas, ")
		}
	}
}

// A layer is read once from the source, whether it goes as a delta or whole.
func TestSaveDeltaReadsLayersOnce(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	c.src = c.source.host + "/src/app:"
	noise := func(seed uint64) string {
		b := make([]byte, 100<<10)
		rand.NewChaCha8([32]byte{byte(seed)}).Read(b)
		return string(b)
	}
	c.source.pushImage("src/app", "1", "linux/amd64", weeklyLayer(0, 6), noise(1), weeklyLayer(0, -9), weeklyLayer(1, 6))
	c.source.pushImage("src/app", "2", "linux/amd64", weeklyLayer(1, 9), noise(2), weeklyLayer(2, 6), weeklyLayer(2, 1))
	c.do("save -o @/1.tar SRC1").want(0)
	c.source.ResetRequests()
	c.do("save -o @/2.tar --since @/1.tar --delta SRC2").want(0, "2 as deltas", "2 whole", "1 that deltas are not made of")
	gets := map[string]int{}
	for _, r := range c.source.Requests() {
		if r.Method == "GET" && strings.Contains(r.URL, "/blobs/") {
			gets[r.URL]++
		}
	}
	for path, n := range gets {
		if n != 1 {
			t.Errorf("%s was read %d times", path, n)
		}
	}
	if len(gets) != 4 {
		t.Errorf("%d blobs were read", len(gets))
	}
	c.do("verify --base @/1.tar @/2.tar").want(0)
	left, err := filepath.Glob(c.path(".transship-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v are left, %v", left, err)
	}
}

// Layers that have nothing in common with those of the base make a bundle hardly larger with --delta.
func TestSaveDeltaOfNoise(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	c.src = c.source.host + "/src/app:"
	noise := func(seed byte) (plain, packed string) {
		b := make([]byte, 400<<10)
		rand.NewChaCha8([32]byte{seed}).Read(b)
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		w.Write(b)
		w.Close()
		return string(b), out.String()
	}
	for week := range byte(2) {
		plain, packed := noise(week)
		c.source.pushImage("src/app", fmt.Sprint(week+1), "linux/amd64", plain, packed)
	}
	c.do("save -o @/1.tar SRC1").want(0)
	c.do("save -o @/without.tar --since @/1.tar SRC2").want(0)
	c.do("save -o @/with.tar --since @/1.tar --delta SRC2").want(0)
	without, with := len(readFile(t, c.path("without.tar"))), len(readFile(t, c.path("with.tar")))
	t.Logf("%d bytes without --delta, %d with it", without, with)
	if with > without+without/100 {
		t.Errorf("with --delta the bundle has %d bytes, without it %d", with, without)
	}
}

// serve makes the blobs of deltas as they are pulled.
func TestServeDelta(t *testing.T) {
	t.Parallel()
	c := newWeeklySetup(t)
	c.do("save -o @/1.tar SRC1").want(0)
	c.do("save -o @/2.tar --since @/1.tar --delta SRC2").want(0)
	host := c.startServe(c.path("2.tar"), c.path("1.tar")).host
	c.do("verify --deep " + host + "/src/app:2").want(0)
	c.do("verify --deep " + host + "/src/app:1").want(0)
	c.do("copy " + host + "/src/app:2 TO/copied:2").want(0)
}

// A plan of a bundle with deltas names them, and tells the size of the tar.
func TestPlanDelta(t *testing.T) {
	t.Parallel()
	c := newWeeklySetup(t)
	c.do("save -o @/1.tar SRC1").want(0)
	o := c.do("save --plan -o @/2.tar --since @/1.tar --delta SRC2").want(0)
	c.do("save -o @/2.tar --since @/1.tar --delta SRC2").want(0)
	base := blob.FromBytes([]byte(weeklyLayer(0, 6)))
	for _, want := range []string{
		"store a delta of ", " to " + string(base) + " in place of ", "deltas in tars: 3 to store",
		fmt.Sprintf("the tar: %d bytes", len(readFile(t, c.path("2.tar")))),
	} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("the plan does not say %q:\n%s", want, o.stdout)
		}
	}
}

// What is wrong with a delta or its base is said, and nothing is pushed.
func TestDamagedDelta(t *testing.T) {
	t.Parallel()
	c := newWeeklySetup(t)
	c.do("save -o @/1.tar SRC1").want(0)
	c.do("save -o @/2.tar --since @/1.tar --delta SRC2").want(0)
	whole := readFile(t, c.path("2.tar"))
	at := strings.LastIndex(whole, "TSDELTA") + 200
	c.must(os.WriteFile(c.path("2.tar"), []byte(whole[:at]+"damage"+whole[at+6:]), 0o600))
	c.do("verify @/2.tar").want(7)
	c.do("load @/2.tar TO/mirror").want(7, "2.tar: transship-deltas/sha256/")
	if n := c.target.Count("^(POST|PUT|PATCH)"); n > 0 {
		t.Errorf("of a bundle with a damaged delta %d calls push", n)
	}
	c.must(os.WriteFile(c.path("2.tar"), []byte(whole), 0o600))
	// A base beside it with another layer, under its name, in a bundle and in a folder.
	monday := readFile(t, c.path("1.tar"))
	at = strings.Index(monday, weeklyLayer(0, 6)) + 100
	c.must(os.WriteFile(c.path("1.tar"), []byte(monday[:at]+"another"+monday[at+7:]), 0o600))
	layer := "want " + string(blob.FromBytes([]byte(weeklyLayer(0, 6))))
	for _, line := range []string{"load @/2.tar TO/mirror", "copy oci-archive:@/2.tar TO/mirror/app:2", "load -i @/2.tar"} {
		c.do(line).want(7, "1.tar: the layer that transship-deltas/sha256/", layer, "transfer the file again")
	}
	for _, line := range []string{"digest oci-archive:@/2.tar", "inspect oci-archive:@/2.tar", "copy --plan oci-archive:@/2.tar TO/mirror/app:2"} {
		c.do(line).want(0) // it reads no layers
	}
	c.must(os.WriteFile(c.path("1.tar"), []byte(monday), 0o600))
	c.do("copy oci-archive:@/1.tar oci:@/folder:1").want(0)
	c.writeFile("folder/blobs/"+strings.Replace(layer[len("want "):], ":", "/", 1), strings.Repeat("x", len(weeklyLayer(0, 6))))
	c.do("load --base @/folder @/2.tar TO/mirror").want(7, "folder: the layer that transship-deltas/sha256/", layer)
	if n := c.target.Count("^(POST|PUT|PATCH)"); n > 0 {
		t.Errorf("of a bundle whose base is damaged %d calls push", n)
	}
	// Another bundle under the base's name.
	c.do("save -o @/1.tar SRC3").want(0)
	for _, line := range []string{"load @/2.tar TO/mirror", "load --base @/1.tar @/2.tar TO/mirror", "load -i @/2.tar",
		"copy oci-archive:@/2.tar TO/mirror/app:2", "verify --base @/1.tar @/2.tar"} {
		c.do(line).want(4, "2.tar builds on 1.tar", c.path("1.tar")+" is another bundle")
	}
	c.must(os.WriteFile(c.path("1.tar"), []byte(monday), 0o600))
	// A registry that answers with another layer. In a repository of its own.
	c.do("load @/1.tar TO/other").want(0)
	c.must(os.Remove(c.path("1.tar")))
	c.target.Set(registry.Rule{Match: "^GET .*/blobs/" + string(blob.FromBytes([]byte(weeklyLayer(0, 6)))), Status: 200,
		Body: weeklyLayer(7, 6)})
	c.do("load @/2.tar TO/other").want(7)
	if c.target.has("other/src/app", "2") {
		t.Error("an image with a wrong layer was pushed")
	}
	c.do("call HEAD TO/v2/other/src/app/blobs/" + string(blob.FromBytes([]byte("small 1")))).want(4)
}

// Deltas whose digests are right and whose operations are not: nothing is pushed, not even the other platform.
func TestCraftedDelta(t *testing.T) {
	t.Parallel()
	c := newWeeklySetup(t)
	c.do("save -o @/1.tar SRC1").want(0)
	c.do("save -o @/2.tar --since @/1.tar --delta SRC2").want(0)
	c.do("load @/1.tar TO/mirror").want(0)
	c.must(os.Remove(c.path("2.tar.json")))
	whole := readFile(t, c.path("2.tar"))
	c.target.ResetRequests()
	for want, operations := range map[string]func(size uint64) []byte{
		"too many blocks or operations": func(size uint64) []byte { return bytes.Repeat([]byte{1 | 3<<2, 2}, int(size)*8/3) }, // fixed blocks
		"behind the end":                func(size uint64) []byte { return binary.AppendUvarint(nil, 16*size<<2|2) },
		"less than it says":             func(uint64) []byte { return []byte{0} },
	} {
		c.writeFile("2.tar", withOperations(t, whole, operations))
		c.do("verify @/2.tar").want(7)
		c.must(os.Rename(c.path("1.tar"), c.path("away.tar")))
		if o := c.do("verify @/2.tar").want(7); !strings.Contains(o.stdout, want) {
			t.Errorf("without the base verify prints\n%s", o.stdout)
		}
		c.do("load @/2.tar TO/mirror").want(7, "2.tar: ", want)
		c.must(os.Rename(c.path("away.tar"), c.path("1.tar")))
		c.do("load @/2.tar TO/mirror").want(7, "2.tar: ", want)
		c.do("copy oci-archive:@/2.tar TO/mirror/app:2").want(7, "2.tar: ", want)
		c.do("load -i @/2.tar").want(7, "2.tar: ", want)
	}
	if n := c.target.Count("^(POST|PUT|PATCH)"); n > 0 {
		t.Errorf("of bundles with crafted deltas %d calls push", n)
	}
}

// withOperations returns a bundle in which a delta of a gzip file has other operations.
func withOperations(t testing.TB, bundle string, operations func(size uint64) []byte) string {
	t.Helper()
	members := tarMembers(t, bundle)
	for name, old := range members {
		if !strings.HasPrefix(name, "transship-deltas/") || old[8] == 0 {
			continue
		}
		now := replaceOperations(old, operations)
		from, to := blob.FromBytes([]byte(old)), blob.FromBytes([]byte(now))
		delete(members, name)
		members["transship-deltas/"+strings.Replace(string(to), ":", "/", 1)] = now
		members["transship.json"] = strings.Replace(members["transship.json"], fmt.Sprintf("%q,\"size\":%d,", from, len(old)),
			fmt.Sprintf("%q,\"size\":%d,", to, len(now)), 1)
		break
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(members)) {
		list = append(list, name, members[name])
	}
	return makeTar(t, list...)
}

// replaceOperations returns a delta with the header of another one, and other operations.
func replaceOperations(delta string, operations func(size uint64) []byte) string {
	const sizeAt = 10
	size, n := binary.Uvarint([]byte(delta[sizeAt:]))
	var out bytes.Buffer
	out.WriteString(delta[:sizeAt+n])
	z, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		panic(err)
	}
	z.Write(operations(size))
	z.Close()
	return out.String()
}
