package mirror

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
)

// FuzzSyncState parses any bytes as the file of sync --state. What parses has a valid digest for
// each target, and encodes to a file that parses to the same.
func FuzzSyncState(f *testing.F) {
	const entry = `{"target":"dst.example/repo:1","source":"src.example/repo:1","digest":%q}`
	digest := blob.FromBytes([]byte("x"))
	one := fmt.Sprintf(entry, digest)
	for _, images := range []string{"", one, one + "," + one, fmt.Sprintf(entry, "sha256:x"), "null", "{}"} {
		f.Add([]byte(`{"version":1,"images":[` + images + `]}`))
	}
	for _, seed := range []string{`{"version":2}`, `{"version":1}`, `[]`, `null`, "", `{"version":1,"images":{}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		once, err := recode(t, raw)
		if err != nil {
			return
		}
		twice, err := recode(t, once)
		if err != nil {
			t.Fatalf("%v\n%s", err, once)
		}
		if !bytes.Equal(once, twice) {
			t.Error(cmp.Diff(string(once), string(twice)))
		}
	})
}

// recode parses a file and encodes it again, as a run that copies nothing does. It checks that what parses is
// found by its target.
func recode(t *testing.T, raw []byte) ([]byte, error) {
	file := bytes.NewReader(raw)
	index := stateIndex{file: file}
	head, err := decodeState(bytes.NewReader(raw), func(im syncedImage, at int64) error {
		if im.Digest.Validate() != nil {
			t.Errorf("%q has %+v", im.Target, im)
		}
		err := index.addNew(im, at)
		if got, _ := index.get(im.Target); err == nil && got != im {
			t.Errorf("%+v is found as %+v", im, got)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var images imageSorter
	if err := images.addFile(file, func(add addImage) error {
		_, err := decodeState(bytes.NewReader(raw), add)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = errors.Join(encodeState(&out, head, images.all()), images.err)
	return out.Bytes(), err
}

// What is written is what encoding/json writes of the whole document.
func TestSyncStateIsIndented(t *testing.T) {
	file := struct {
		stateHead
		Images []syncedImage `json:"images"`
	}{stateHead{Version: syncStateVersion, Shard: "1/2", BytesPerSecond: 5}, []syncedImage{}}
	for range 3 {
		var out bytes.Buffer
		if err := encodeState(&out, file.stateHead, slices.Values(file.Images)); err != nil {
			t.Fatal(err)
		}
		want, _ := json.MarshalIndent(file, "", " ")
		if got := out.String(); got != string(want)+"\n" {
			t.Error(cmp.Diff(string(want), got))
		}
		target := fmt.Sprintf("dst.example/a/b:%d", len(file.Images))
		file.Images = append(file.Images, syncedImage{target, "src.example/b:1", blob.SHA512.Digest([]byte(target))})
	}
}

// A name that comes twice, also deep in the file, or in another case is an error: encoding/json would
// take the last, and the run would not ask a target that the other names.
func TestSyncStateIsReadStrictly(t *testing.T) {
	digest := blob.FromBytes([]byte("x"))
	entry := fmt.Sprintf(`"target":"dst.example/repo:1","source":"src.example/repo:1","digest":%q`, digest)
	if _, err := recode(t, []byte(`{"version":1,"images":[{`+entry+`}]}`)); err != nil {
		t.Fatal(err)
	}
	for _, raw := range []string{
		`{"version":1,"images":[],"images":[{` + entry + `}]}`,
		`{"version":1,"Images":[{` + entry + `}]}`,
		`{"version":1,"version":1,"images":[]}`,
		`{"version":1,"Shard":"1/2","images":[]}`,
		`{"version":1,"images":[{` + entry + `},{` + entry + `}]}`,
		`{"version":1,"images":[{` + entry + `,"target":"dst.example/other:1"}]}`,
		`{"version":1,"images":[{` + entry + `,"Target":"dst.example/other:1"}]}`,
		`{"version":1,"images":[{` + entry + `}]} {}`,
	} {
		if got, err := recode(t, []byte(raw)); err == nil {
			t.Errorf("%s: got %s", raw, got)
		}
	}
}

// A state that takes over the log of a run has every image once, sorted, with what the log has last: also if it has
// more than are sorted at once, and neither is in order.
func TestStateTakesOverALog(t *testing.T) {
	const images = sortedAtOnce + 500
	dir, want := t.TempDir(), []syncedImage{}
	image := func(i int, content string) syncedImage {
		name := fmt.Sprintf("example/app%d:%d", i%100, i)
		return syncedImage{"dst." + name, "src." + name, blob.FromBytes([]byte(content))}
	}
	s := syncState{path: filepath.Join(dir, "state"), log: runLog{path: filepath.Join(dir, "state.run")}}
	old := []syncedImage{}
	for i := range images {
		if old = append(old, image(i, "old")); i%3 == 0 {
			want = append(want, image(i, "old"))
		}
	}
	var file bytes.Buffer
	err := encodeState(&file, s.head(), slices.Values(old))
	err = errors.Join(err, os.WriteFile(s.path, file.Bytes(), 0o600))
	if err = errors.Join(err, s.read(nil), s.log.open(false), s.log.begin(0, s.head())); err != nil {
		t.Fatal(err)
	}
	for i := range images { // two thirds are forgotten, and half of those are copied
		target := image(i, "").Target
		if i%3 == 0 {
			continue
		}
		s.forget(target)
		if i%3 == 1 {
			im := image(i, "new")
			s.update(SyncResult{Target: target, Source: im.Source, Digest: im.Digest, Status: SyncCopied})
			want = append(want, im)
		}
	}
	if err := s.save(false, 0); err != nil {
		t.Fatal(err)
	}
	got := []syncedImage{}
	raw, err := os.ReadFile(s.path)
	if _, decodeErr := decodeState(bytes.NewReader(raw), func(im syncedImage, _ int64) error {
		got = append(got, im)
		return nil
	}); err != nil || decodeErr != nil {
		t.Fatal(err, decodeErr)
	}
	slices.SortFunc(want, func(a, b syncedImage) int { return strings.Compare(a.Target, b.Target) })
	if !slices.Equal(want, got) {
		t.Errorf("the state has %d images, want %d: %.500s", len(got), len(want), cmp.Diff(want, got))
	}
}
