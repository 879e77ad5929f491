package mirror

import (
	"bytes"
	"fmt"
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
		file, err := decodeState(raw)
		if err != nil {
			return
		}
		for _, im := range file.Images {
			if im.Digest.Validate() != nil {
				t.Errorf("%q has %+v", im.Target, im)
			}
		}
		once, err := file.encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeState(once)
		if err != nil {
			t.Fatalf("%v\n%s", err, once)
		}
		if twice, _ := again.encode(); !bytes.Equal(once, twice) {
			t.Error(cmp.Diff(string(once), string(twice)))
		}
	})
}

// A name that comes twice, also deep in the file, or in another case is an error: encoding/json would
// take the last, and the run would not ask a target that the other names.
func TestSyncStateIsReadStrictly(t *testing.T) {
	digest := blob.FromBytes([]byte("x"))
	entry := fmt.Sprintf(`"target":"dst.example/repo:1","source":"src.example/repo:1","digest":%q`, digest)
	if _, err := decodeState([]byte(`{"version":1,"images":[{` + entry + `}]}`)); err != nil {
		t.Fatal(err)
	}
	for _, raw := range []string{
		`{"version":1,"images":[],"images":[{` + entry + `}]}`,
		`{"version":1,"images":[{` + entry + `,"target":"dst.example/other:1"}]}`,
		`{"version":1,"images":[{` + entry + `,"Target":"dst.example/other:1"}]}`,
		`{"version":1,"images":[{` + entry + `}]} {}`,
	} {
		if images, err := decodeState([]byte(raw)); err == nil {
			t.Errorf("%s: got %v", raw, images)
		}
	}
}
