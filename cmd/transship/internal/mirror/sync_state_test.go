package mirror

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
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

// recode parses a file and encodes it again. It checks that what parses is kept as it is.
func recode(t *testing.T, raw []byte) ([]byte, error) {
	var s syncState
	head, err := decodeState(bytes.NewReader(raw), func(im syncedImage) error {
		if im.Digest.Validate() != nil {
			t.Errorf("%q has %+v", im.Target, im)
		}
		err := s.add(im)
		if got, _ := s.images.get(im.Target); err == nil && got != im {
			t.Errorf("%+v is kept as %+v", im, got)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = encodeState(&out, head, s.images.all())
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
