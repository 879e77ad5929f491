package mix

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/openloop"
	"github.com/hczjl/transship/cmd/transship/internal/synthetic"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// contentError is an answer that is not what the registry was given.
type contentError struct{ what string }

// Error implements error.
func (e *contentError) Error() string { return e.what + " is not what was put there" }

// mountError is a mount that the registry did not do.
type mountError struct{}

// Error implements error.
func (mountError) Error() string {
	return "the registry opened an upload session in place of the mount"
}

// prepare returns the operation of an arrival.
func (m *Mix) prepare(ctx context.Context, a openloop.Arrival) (openloop.Op, error) {
	images := m.Corpus.images
	n := a.Nth % len(images)
	root := images[n].Root()
	switch m.Shares[a.Kind].Scenario {
	case Resolve:
		return func(ctx context.Context) error { return m.resolve(ctx, m.tag(n), root) }, nil
	case Pull:
		return func(ctx context.Context) error { return m.pull(ctx, m.tag(n), images[n]) }, nil
	case Tags:
		return m.listTags, nil
	case Referrers:
		return func(ctx context.Context) error { return m.listReferrers(ctx, root) }, nil
	case Mount:
		d := blob.FromBytes(m.Corpus.mountBlob(a.Nth))
		return func(ctx context.Context) error { return m.mount(ctx, d) }, nil
	case Delete:
		doc, err := m.Corpus.deleteManifest(a.Nth)
		return func(ctx context.Context) error { return m.Measured.Main.DeleteManifest(ctx, doc.Digest) }, err
	}
	im, err := m.Corpus.image(ctx, len(images)+a.Nth)
	tag := fmt.Sprintf("%s-pushed-%d", m.Tag, a.Nth%pushTags)
	return func(ctx context.Context) error { return m.push(ctx, tag, im) }, err
}

func (m *Mix) resolve(ctx context.Context, tag string, want manifest.Manifest) error {
	d, err := m.Measured.Main.HeadManifest(ctx, tag)
	if err == nil && d.Digest != want.Digest {
		err = &contentError{"the tag " + tag}
	}
	return err
}

func (m *Mix) pull(ctx context.Context, tag string, im *synthetic.Image) error {
	repo := m.Measured.Main
	doc, err := repo.Manifest(ctx, tag)
	if err != nil {
		return err
	}
	if doc.Digest != im.Root().Digest {
		return &contentError{"the tag " + tag}
	}
	for _, d := range im.Blobs() {
		if err := m.pullBlob(ctx, repo, d); err != nil {
			return err
		}
	}
	return nil
}

// pullBlob reads a blob and verifies its digest.
func (m *Mix) pullBlob(ctx context.Context, repo *distribution.Repository, d manifest.Descriptor) error {
	body, err := repo.Blob(ctx, d, 0)
	if err != nil {
		return err
	}
	defer body.Close()
	h := blob.SHA256.New()
	if _, err := m.buffers.Copy(h, body); err != nil {
		return err
	}
	if blob.FromHash(blob.SHA256, h) != d.Digest {
		return &contentError{"the blob " + string(d.Digest)}
	}
	return nil
}

func (m *Mix) listTags(ctx context.Context) error {
	n := 0
	for _, err := range m.Measured.Main.TagNames(ctx) {
		if err != nil {
			return err
		}
		n++
	}
	if n < m.Corpus.Count {
		return &contentError{"the list of tags"}
	}
	return nil
}

func (m *Mix) listReferrers(ctx context.Context, of manifest.Manifest) error {
	list, err := m.Measured.Main.Referrers(ctx, of.Digest, "")
	if err == nil && len(list) == 0 {
		err = &contentError{"the list of referrers"}
	}
	return err
}

func (m *Mix) mount(ctx context.Context, d blob.Digest) error {
	to, from := m.Measured.Mounted, m.Measured.Main
	mounted, session, err := to.Client.Mount(ctx, to.Name, d, from.Name)
	if err != nil {
		return err
	}
	if !mounted {
		_ = to.Client.CancelUpload(ctx, session) // the mount has failed either way
		return mountError{}
	}
	m.cleaner.AddBlob(m.Setup.Mounted, manifest.Descriptor{Digest: d})
	return nil
}

// push pushes an image as a client does that knows that the registry has nothing of it.
func (m *Mix) push(ctx context.Context, tag string, im *synthetic.Image) error {
	repo := m.Measured.Pushed
	for _, d := range im.Blobs() {
		body, err := im.Blob(ctx, d, 0)
		if err != nil {
			return err
		}
		if err := upload(ctx, repo, d, body); err != nil {
			return err
		}
		m.cleaner.AddBlob(m.Setup.Pushed, d)
	}
	root := im.Root()
	if err := repo.PutManifest(ctx, tag, root); err != nil {
		return err
	}
	m.cleaner.AddManifest(m.Setup.Pushed, root.Descriptor)
	return nil
}

// class names the kind of an operation's error: the status of the registry's answer, or why there was
// none.
func class(err error) string {
	var answer *distribution.Error
	var content *contentError
	var mismatch *blob.MismatchError
	switch {
	case errors.As(err, &answer):
		return strconv.Itoa(answer.StatusCode)
	case errors.As(err, &content), errors.As(err, &mismatch):
		return "wrong content"
	case errors.As(err, &mountError{}):
		return "not mounted"
	case wire.IsTimeout(err):
		return "timeout"
	}
	var request *distribution.RequestError
	if errors.As(err, &request) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "no answer"
	}
	return "other"
}
