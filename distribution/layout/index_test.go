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

// described is a manifest descriptor whose digest is made from a letter.
func described(letter string) manifest.Descriptor {
	return manifest.Descriptor{MediaType: manifest.MediaTypeOCIManifest, Size: 1, Digest: hexOf(letter)}
}

func hexOf(letter string) blob.Digest { return blob.Digest("sha256:" + strings.Repeat(letter, 64)) }

func TestChanges(t *testing.T) {
	below := map[blob.Digest]bool{hexOf("b"): true, hexOf("c"): true}
	for _, c := range []struct {
		name    string
		changes []change
		want    string
	}{
		{"tag", []change{putEntries("r", described("a"), []string{"1"}, nil)}, "r:1=a"},
		{"digest", []change{putEntries("r", described("a"), nil, nil)}, "r:=a"},
		{"digest twice", []change{putEntries("r", described("a"), nil, nil), putEntries("r", described("a"), nil, nil)}, "r:=a"},
		{"digest, then tags", []change{
			putEntries("r", described("a"), nil, nil), putEntries("r", described("a"), []string{"1", "2", "1"}, nil)}, "r:1=a r:2=a"},
		{"tag, then digest", []change{
			putEntries("r", described("a"), []string{"1"}, nil), putEntries("r", described("a"), nil, nil)}, "r:1=a"},
		{"tag again", []change{
			putEntries("r", described("a"), []string{"1"}, nil), putEntries("r", described("b"), []string{"2"}, nil),
			putEntries("r", described("a"), []string{"1"}, nil)}, "r:1=a r:2=b"},
		{"tag moves and leaves an untagged manifest", []change{
			putEntries("r", described("a"), []string{"1"}, nil), putEntries("r", described("b"), []string{"1"}, nil)}, "r:1=b r:=a"},
		{"tag moves from one with two", []change{
			putEntries("r", described("a"), []string{"1", "2"}, nil), putEntries("r", described("b"), []string{"1"}, nil)}, "r:2=a r:1=b"},
		{"same tag in two repositories", []change{
			putEntries("r", described("a"), []string{"1"}, nil), putEntries("q", described("b"), []string{"1"}, nil)}, "r:1=a q:1=b"},
		{"an index takes in its images", []change{
			putEntries("r", described("b"), nil, nil), putEntries("r", described("c"), []string{"c"}, nil), putEntries("q", described("b"), nil, nil),
			putEntries("r", described("a"), []string{"1"}, below)}, "r:c=c q:=b r:1=a"},
		{"untag", []change{putEntries("r", described("a"), []string{"1"}, nil), removeTag("r", "1")}, "r:=a"},
		{"untag one of two", []change{putEntries("r", described("a"), []string{"1", "2"}, nil), removeTag("r", "1")}, "r:2=a"},
		{"remove", []change{
			putEntries("r", described("a"), []string{"1", "2"}, nil), putEntries("q", described("a"), []string{"1"}, nil),
			removeManifest("r", hexOf("a"))}, "q:1=a"},
	} {
		var entries []*entry
		for _, change := range c.changes {
			before := slices.Clone(entries)
			out, err := change(entries)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if !slices.Equal(before, entries) {
				t.Errorf("%s: a change wrote into the old entries", c.name)
			}
			entries = out
		}
		if got := summary(entries); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func summary(entries []*entry) string {
	var out []string
	for _, e := range entries {
		out = append(out, e.repository+":"+e.tag+"="+e.Digest.Hex()[:1])
	}
	return strings.Join(out, " ")
}

func TestUntagUnknown(t *testing.T) {
	if _, err := removeTag("r", "1")(nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v", err)
	}
}

func TestIndexKeepsWhatOthersWrote(t *testing.T) {
	foreign := `{"digest":"` + string(hexOf("a")) + `", "size":1,"mediaType":"application/x","platform":{"os":"linux","architecture":"s390x"},"x":[1]}`
	ix, err := parseIndex([]byte(`{"manifests":[`+foreign+`],"schemaVersion":2,"annotations":{"k":"v"},"x":1}`), "r")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := putEntries("r", described("b"), []string{"1"}, nil)(ix.entries)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","annotations":{"k":"v"},"x":1,"manifests":[` + "\n" +
		foreign + ",\n" +
		`{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"` + string(hexOf("b")) + `","size":1,"annotations":` +
		`{"io.containerd.image.name":"docker.io/library/r:1","io.github.hczjl.transship.repository":"r","org.opencontainers.image.ref.name":"1"}}` +
		"\n]}\n"
	if diff := cmp.Diff(want, string(newIndex(ix.members, entries).encode())); diff != "" {
		t.Error(diff)
	}
}

func TestFirstOfTwoEntriesCounts(t *testing.T) {
	a, _ := newEntry("r", "1", described("a"))
	b, _ := newEntry("r", "1", described("b"))
	if got := newIndex(nil, []*entry{a, b}).tags["r"]["1"]; got != a {
		t.Errorf("got %v", got.Digest)
	}
}

func FuzzParseIndex(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"digest":"` + string(hexOf("a")) + `","size":1}]}`))
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
			t.Fatalf("what was written does not read: %v", err)
		}
		if got, want := summary(again.entries), summary(ix.entries); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}
