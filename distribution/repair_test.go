package distribution_test

import (
	"errors"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/registry"
)

// What a registry claims to have, to a HEAD as to a mount, counts for nothing: RepairBlob reads the
// first byte, and sends what it does not get.
func TestRepairBlob(t *testing.T) {
	const get = `^GET .*/blobs/sha256`
	b, d := randomBlob(1000)
	claim := map[string]string{"Docker-Content-Digest": string(d.Digest), "Content-Length": "1000"}
	for name, c := range map[string]struct {
		has     bool
		from    []string
		rules   []registry.Rule
		outcome blob.Outcome
		gets    int
		posts   int
	}{
		"it has it":          {true, nil, nil, blob.Exists, 1, 0},
		"no ranges":          {true, nil, []registry.Rule{{Match: get, Status: 200, Body: string(b)}}, blob.Exists, 1, 0},
		"it does not":        {false, nil, nil, blob.Uploaded, 2, 1},
		"HEAD says it has":   {false, nil, []registry.Rule{{Match: "^HEAD", Status: 200, Header: claim}}, blob.Uploaded, 2, 1},
		"mount says it has":  {false, []string{"other"}, []registry.Rule{{Match: "mount=", Status: 201, Header: claim}}, blob.Uploaded, 3, 2},
		"late":               {false, nil, []registry.Rule{{Match: get, Times: 2, Status: 404}}, blob.Uploaded, 3, 1},
		"of another size":    {true, nil, []registry.Rule{{Match: get, Times: 1, Header: map[string]string{"Content-Range": "bytes 0-0/10"}}}, blob.Uploaded, 2, 1},
		"another range":      {true, nil, []registry.Rule{{Match: get, Times: 1, Header: map[string]string{"Content-Range": "bytes 5-5/1000"}}}, blob.Uploaded, 2, 1},
		"body that breaks":   {true, nil, []registry.Rule{{Match: get, Times: 1, Cut: registry.CutSilently}}, blob.Uploaded, 2, 1},
		"size is not told":   {true, nil, []registry.Rule{{Match: get, Header: map[string]string{"Content-Range": "bytes 0-0/*"}}}, blob.Uploaded, 2, 1},
		"the storage broken": {true, nil, []registry.Rule{{Match: get, Times: 1, Status: 403}}, blob.Uploaded, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := newFaultyRegistry(t)
			if c.has {
				if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
					t.Fatal(err)
				}
			}
			l.ResetRequests()
			l.Set(c.rules...)
			outcome, err := l.repo.RepairBlob(t.Context(), d, l.open(b), c.from...)
			gets, posts := l.Count(get), l.Count("^POST")
			if err != nil || outcome != c.outcome || gets != c.gets || posts != c.posts {
				t.Errorf("got %v, %v with %d GETs and %d POSTs", outcome, err, gets, posts)
			}
			l.Set()
			l.checkBlob(t, b, d)
		})
	}
}

// An empty blob has no first byte.
func TestRepairEmptyBlob(t *testing.T) {
	l := newFaultyRegistry(t)
	b, d := randomBlob(0)
	for _, want := range []blob.Outcome{blob.Uploaded, blob.Exists} {
		if outcome, err := l.repo.RepairBlob(t.Context(), d, l.open(b)); err != nil || outcome != want {
			t.Errorf("got %v, %v, want %v", outcome, err, want)
		}
	}
}

// What is mounted from another repository is not sent.
func TestRepairMounts(t *testing.T) {
	l := newFaultyRegistry(t)
	b, d := randomBlob(1000)
	other := &distribution.Repository{Client: l.repo.Client, Name: "other"}
	if _, err := other.PutBlob(t.Context(), d, l.open(b)); err != nil {
		t.Fatal(err)
	}
	if outcome, err := l.repo.RepairBlob(t.Context(), d, l.open(b), "other"); err != nil || outcome != blob.Mounted {
		t.Errorf("got %v, %v", outcome, err)
	}
}

// A registry that takes a blob and does not give it out has lost it.
func TestRepairThatIsLostAgain(t *testing.T) {
	l := newFaultyRegistry(t, registry.Rule{Match: `^GET .*/blobs/sha256`, Status: 404})
	b, d := randomBlob(10)
	_, err := l.repo.RepairBlob(t.Context(), d, l.open(b))
	var lost *distribution.LostBlobError
	if !errors.As(err, &lost) || lost.Digest != d.Digest || len(l.slept) != 3 {
		t.Errorf("got %v after %d pauses", err, len(l.slept))
	}
}
