package layout

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// testDescriptor returns the descriptor of a manifest, with a digest of one repeated letter.
func testDescriptor(letter string) manifest.Descriptor {
	return manifest.Descriptor{MediaType: manifest.MediaTypeOCIManifest, Size: 1, Digest: testDigest(letter)}
}

func testDigest(letter string) blob.Digest {
	return blob.Digest("sha256:" + strings.Repeat(letter, 64))
}

func TestIndexChanges(t *testing.T) {
	children := map[blob.Digest]bool{testDigest("b"): true, testDigest("c"): true}
	put := func(repository, letter string, tags ...string) change {
		return putEntries(repository, testDescriptor(letter), tags, nil)
	}
	for _, c := range []struct {
		name    string
		changes []change
		want    string
	}{
		{"tag", []change{put("r", "a", "1")}, "r:1=a"},
		{"digest", []change{put("r", "a")}, "r:=a"},
		{"digest twice", []change{put("r", "a"), put("r", "a")}, "r:=a"},
		{"digest, then tags", []change{put("r", "a"), put("r", "a", "1", "2", "1")}, "r:1=a r:2=a"},
		{"tag, then digest", []change{put("r", "a", "1"), put("r", "a")}, "r:1=a"},
		{"tag again", []change{put("r", "a", "1"), put("r", "b", "2"), put("r", "a", "1")}, "r:1=a r:2=b"},
		{"tag moves and leaves an untagged manifest", []change{put("r", "a", "1"), put("r", "b", "1")}, "r:1=b r:=a"},
		{"tag moves from one with two", []change{put("r", "a", "1", "2"), put("r", "b", "1")}, "r:2=a r:1=b"},
		{"same tag in two repositories", []change{put("r", "a", "1"), put("q", "b", "1")}, "r:1=a q:1=b"},
		{"index replaces entries of its images", []change{
			put("r", "b"), put("r", "c", "c"), put("q", "b"),
			putEntries("r", testDescriptor("a"), []string{"1"}, children)}, "r:c=c q:=b r:1=a"},
		{"untag", []change{put("r", "a", "1"), removeTag("r", "1")}, "r:=a"},
		{"untag one of two", []change{put("r", "a", "1", "2"), removeTag("r", "1")}, "r:2=a"},
		{"remove", []change{
			put("r", "a", "1", "2"), put("q", "a", "1"), removeManifest("r", testDigest("a"))}, "q:1=a"},
	} {
		var entries []*entry
		for _, change := range c.changes {
			before := slices.Clone(entries)
			out, err := change(entries)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if !slices.Equal(before, entries) {
				t.Errorf("%s: a change modified its input", c.name)
			}
			entries = out
		}
		if got := tagSummary(entries); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func tagSummary(entries []*entry) string {
	var out []string
	for _, e := range entries {
		out = append(out, e.repository+":"+e.tag+"="+e.Digest.Hex()[:1])
	}
	return strings.Join(out, " ")
}

func TestUntagUnknownTag(t *testing.T) {
	if _, err := removeTag("r", "1")(nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v", err)
	}
}

func TestIndexKeepsForeignMembers(t *testing.T) {
	foreign := `{"digest":"` + string(testDigest("a")) + `", "size":1,"mediaType":"application/x",` +
		`"platform":{"os":"linux","architecture":"s390x"},"x":[1]}`
	ix, err := parseIndex([]byte(`{"manifests":[`+foreign+`],"schemaVersion":2,"annotations":{"k":"v"},"x":1}`), "r")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := putEntries("r", testDescriptor("b"), []string{"1"}, nil)(ix.entries)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",` +
		`"annotations":{"k":"v"},"x":1,"manifests":[` + "\n" +
		foreign + ",\n" +
		`{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"` + string(testDigest("b")) + `","size":1,` +
		`"annotations":{"io.containerd.image.name":"docker.io/library/r:1",` +
		`"io.github.hczjl.transship.repository":"r","org.opencontainers.image.ref.name":"1"}}` +
		"\n]}\n"
	if diff := cmp.Diff(want, string(newIndex(ix.members, entries).encode())); diff != "" {
		t.Error(diff)
	}
}

func TestFirstOfTwoEntriesCounts(t *testing.T) {
	a, _ := newEntry("r", "1", testDescriptor("a"))
	b, _ := newEntry("r", "1", testDescriptor("b"))
	if got := newIndex(nil, []*entry{a, b}).tags["r"]["1"]; got != a {
		t.Errorf("got %v", got.Digest)
	}
}

func FuzzParseIndex(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"digest":"` + string(testDigest("a")) + `","size":1}]}`))
	f.Add(newIndex(nil, nil).encode())
	f.Add([]byte(`{"manifests":[{"digest":"sha256:x"}]}`))
	f.Add([]byte(`{"manifests":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		ix, err := parseIndex(b, "r")
		if err != nil {
			return
		}
		again, err := parseIndex(ix.encode(), "r")
		if err != nil {
			t.Fatalf("the encoded index does not parse: %v", err)
		}
		if got, want := tagSummary(again.entries), tagSummary(ix.entries); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}
