package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// careless is a target that gives up in the middle of a blob and closes nothing.
type careless struct{ *repo }

func (c *careless) PutBlob(ctx context.Context, d manifest.Descriptor, open blob.Open, _ ...string) (blob.Outcome, error) {
	r, err := open(ctx, 0)
	if err == nil {
		_, err = r.Read(make([]byte, 1))
	}
	return 0, errors.Join(err, errors.New("no room"))
}

func TestNobodyWaitsForACarelessTarget(t *testing.T) {
	src, root := three(t)
	bad, good := &careless{newHub("bad").repo("halo")}, newHub("good").repo("halo")
	_, errs := new(transfer.Engine).CopyAll(t.Context(), src, "t", transfer.Destination{Target: bad, As: "t"}, transfer.Destination{Target: good, As: "t"})
	if errs[0] == nil || errs[1] != nil || good.hub.manifests["halo"]["t"].Digest != root.Digest {
		t.Errorf("got errors %v", errs)
	}
}

// late is a target that still asks for bytes when its call has returned, as a request that was given up does.
type late struct {
	*repo
	asking chan struct{}
}

func (l *late) PutBlob(ctx context.Context, _ manifest.Descriptor, open blob.Open, _ ...string) (blob.Outcome, error) {
	go func() {
		if r, err := open(ctx, 0); err == nil {
			io.Copy(io.Discard, r)
			r.Close()
		}
		l.asking <- struct{}{}
	}()
	return 0, errors.New("the registry has answered already")
}

func TestBytesThatAreAskedForTooLate(t *testing.T) {
	src, _ := three(t)
	bad, good := &late{newHub("bad").repo("halo"), make(chan struct{}, 20)}, newHub("good").repo("halo")
	_, errs := new(transfer.Engine).CopyAll(t.Context(), src, "t", transfer.Destination{Target: bad, As: "t"}, transfer.Destination{Target: good, As: "t"})
	if errs[0] == nil || errs[1] != nil {
		t.Errorf("got errors %v", errs)
	}
	<-bad.asking
}

func TestCopyAllWithReferrersBeforeTheTags(t *testing.T) {
	src, root := three(t)
	refer(t, src, root, "signature")
	broken := errors.New("on fire")
	src.tagsErr = broken
	a, b := newHub("a").repo("halo"), newHub("b").repo("halo")
	e := transfer.Engine{Referrers: true}
	_, errs := e.CopyAll(t.Context(), src, "t", transfer.Destination{Target: a, As: "1"}, transfer.Destination{Target: b, As: "2"})
	for i, r := range []*repo{a, b} {
		if !errors.Is(errs[i], broken) || r.hub.count("put "+fmt.Sprint(i+1)) != 0 {
			t.Errorf("%s: error %v, did %v", r, errs[i], r.hub.log)
		}
	}
}

// Each destination may have a digest of its own algorithm, or one that is wrong.
func TestCopyAllUnderDigests(t *testing.T) {
	src, root := three(t)
	raw := src.hub.manifests["halo"]["t"].Raw
	to := []transfer.Destination{
		{Target: newHub("a").repo("halo"), As: string(root.Digest)},
		{Target: newHub("b").repo("halo"), As: string(blob.SHA512.Digest(raw))},
		{Target: newHub("c").repo("halo"), As: string(blob.FromBytes(nil))},
	}
	_, errs := new(transfer.Engine).CopyAll(t.Context(), src, "t", to...)
	if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], transfer.ErrTargetDigest) {
		t.Errorf("got errors %v", errs)
	}
}

// What is at all targets is asked for and not sent, as with one.
func TestCopyAllOfAChangedImage(t *testing.T) {
	src, _ := three(t)
	to := []transfer.Destination{{Target: newHub("a").repo("halo"), As: "t"}, {Target: newHub("b").repo("halo"), As: "t"}}
	if _, errs := new(transfer.Engine).CopyAll(t.Context(), src, "t", to...); errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	ix, _ := src.hub.manifests["halo"]["t"].Index()
	src.addIndex(t, "t", append(ix.Manifests[:2:2], src.addImage(t, "linux/arm64", "new"))...)
	src.hub.log = nil
	if _, errs := new(transfer.Engine).CopyAll(t.Context(), src, "t", to...); errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	if n := src.hub.count("get"); n != 2 {
		t.Errorf("%d manifests were read, want the root and the new one: %v", n, src.hub.log)
	}
}

// planner is a target that would put blobs but only opens them.
type planner struct{ *repo }

func (p *planner) PutBlob(ctx context.Context, d manifest.Descriptor, open blob.Open, _ ...string) (blob.Outcome, error) {
	r := blob.NewReader(ctx, d.Digest, d.Size, open)
	defer r.Close()
	return blob.Uploaded, r.(blob.Skipper).Skip()
}

func (*planner) PutManifest(context.Context, string, manifest.Manifest) error { return nil }

// unread is a source whose blobs must not be read.
type unread struct {
	*repo
	t *testing.T
}

func (u *unread) Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	r, err := u.repo.Blob(ctx, d, offset)
	return &forbidden{r, u.t}, err
}

type forbidden struct {
	io.ReadCloser
	t *testing.T
}

func (f *forbidden) Read(p []byte) (int, error) {
	if len(p) > 0 {
		f.t.Error("a blob is read that nobody needs")
	}
	return f.ReadCloser.Read(p)
}

// Targets that only open what they would send take no byte from the source, which is opened once for all by the time
// that they are done.
func TestBytesThatNobodyReads(t *testing.T) {
	from, _ := three(t)
	src := &unread{from, t}
	to := []transfer.Destination{{Target: &planner{newHub("a").repo("halo")}, As: "t"}, {Target: &planner{newHub("b").repo("halo")}, As: "t"}}
	if _, errs := new(transfer.Engine).CopyAll(t.Context(), src, "t", to...); errors.Join(errs...) != nil {
		t.Errorf("got errors %v", errs)
	}
	if n := from.hub.count("read"); n != 10 {
		t.Errorf("%d blobs were opened, want each once", n)
	}
}
