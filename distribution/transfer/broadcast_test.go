package transfer_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// leakyTarget fails in the middle of a blob and closes nothing.
type leakyTarget struct{ *repo }

func (l *leakyTarget) PutBlob(
	ctx context.Context, d manifest.Descriptor, open blob.Open, _ ...string,
) (blob.Outcome, error) {
	r, err := open(ctx, 0)
	if err == nil {
		_, err = r.Read(make([]byte, 1))
	}
	return 0, errors.Join(err, errors.New("no space"))
}

func TestTargetThatClosesNothingDoesNotBlockOthers(t *testing.T) {
	src, root := threePlatforms(t)
	bad, good := &leakyTarget{newRepo("bad")}, newRepo("good")
	errs := copyAll(t, src, to(bad, good)...)
	if errs[0] == nil || errs[1] != nil || good.manifests["t"].Digest != root.Digest {
		t.Errorf("got errors %v", errs)
	}
}

// lateTarget opens a blob after its call has returned, as a canceled request does.
type lateTarget struct {
	*repo
	read chan struct{}
}

func (l *lateTarget) PutBlob(
	ctx context.Context, _ manifest.Descriptor, open blob.Open, _ ...string,
) (blob.Outcome, error) {
	go func() {
		if r, err := open(ctx, 0); err == nil {
			io.Copy(io.Discard, r)
			r.Close()
		}
		l.read <- struct{}{}
	}()
	return 0, errors.New("the registry has answered early")
}

func TestTargetThatOpensLateDoesNotBlockOthers(t *testing.T) {
	src, _ := threePlatforms(t)
	bad, good := &lateTarget{newRepo("bad"), make(chan struct{}, 20)}, newRepo("good")
	errs := copyAll(t, src, to(bad, good)...)
	if errs[0] == nil || errs[1] != nil {
		t.Errorf("got errors %v", errs)
	}
	<-bad.read
}

// planTarget opens blobs and reads none, as a plan does.
type planTarget struct{ *repo }

func (p *planTarget) PutBlob(
	ctx context.Context, d manifest.Descriptor, open blob.Open, _ ...string,
) (blob.Outcome, error) {
	r := blob.NewReader(ctx, d.Digest, d.Size, open)
	defer r.Close()
	return blob.Uploaded, r.(blob.Skipper).Skip()
}

func (*planTarget) PutManifest(context.Context, string, manifest.Manifest) error { return nil }

// unreadSource fails the test if one of its blobs is read.
type unreadSource struct {
	*repo
	t *testing.T
}

func (u *unreadSource) Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	r, err := u.repo.Blob(ctx, d, offset)
	return &unreadBlob{r, u.t}, err
}

type unreadBlob struct {
	io.ReadCloser
	t *testing.T
}

func (u *unreadBlob) Read(p []byte) (int, error) {
	if len(p) > 0 {
		u.t.Error("a blob is read")
	}
	return u.ReadCloser.Read(p)
}

// When the targets are done, the source has been opened once for all of them.
func TestTargetsThatOnlyOpenReadNothing(t *testing.T) {
	from, _ := threePlatforms(t)
	src := &unreadSource{from, t}
	errs := copyAll(t, src, to(&planTarget{newRepo("a")}, &planTarget{newRepo("b")})...)
	if errors.Join(errs...) != nil {
		t.Errorf("got errors %v", errs)
	}
	if n := from.count("read"); n != 10 {
		t.Errorf("%d blobs were opened, want each once", n)
	}
}
