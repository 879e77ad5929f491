package mix

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// Repositories are those of a run, on one registry.
type Repositories struct {
	Main    *distribution.Repository // has what is read, deleted and mounted from
	Pushed  *distribution.Repository // is pushed to
	Mounted *distribution.Repository // is mounted to
}

const (
	setupJobs = 8  // writes at once before the run
	pushTags  = 16 // tags that pushes take in turns, so that a list of tags does not grow with the run
)

// setup puts what the run reads, mounts and deletes into the main repository. It is not measured.
func (m *Mix) setup(ctx context.Context) error {
	repo := m.Setup.Main
	engine := &transfer.Engine{OnEvent: m.cleaner.Recorder(repo)}
	for n, im := range m.Corpus.images {
		if _, err := engine.Copy(ctx, im, m.tag(n), repo, m.tag(n)); err != nil {
			return err
		}
	}
	if m.counts[Referrers] > 0 {
		if err := m.putReferrers(ctx, repo); err != nil {
			return err
		}
	}
	if err := m.forEach(ctx, m.counts[Mount], m.putMountBlob); err != nil {
		return err
	}
	return m.forEach(ctx, m.counts[Delete], m.putDeleteManifest)
}

// putReferrers gives each image a referrer, one after the other: a registry without the API has them
// under a tag that is read and written. What is under that tag is removed at the end too.
func (m *Mix) putReferrers(ctx context.Context, repo *distribution.Repository) error {
	for n := range m.Corpus.images {
		manifest, err := m.Corpus.referrer(n)
		if err != nil {
			return err
		}
		if err := repo.PutManifest(ctx, string(manifest.Digest), manifest); err != nil {
			return err
		}
		m.cleaner.AddManifest(repo, manifest.Descriptor)
		index, err := repo.HeadManifest(ctx, distribution.ReferrersTag(m.Corpus.images[n].Root().Digest))
		if err == nil {
			m.cleaner.AddManifest(repo, index)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (m *Mix) forEach(ctx context.Context, n int, put func(context.Context, int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(setupJobs)
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error { return put(ctx, i) })
	}
	return group.Wait()
}

func (m *Mix) putMountBlob(ctx context.Context, n int) error {
	raw := m.Corpus.mountBlob(n)
	d := manifest.Descriptor{Digest: blob.FromBytes(raw), Size: int64(len(raw))}
	if err := upload(ctx, m.Setup.Main, d, bytes.NewReader(raw)); err != nil {
		return err
	}
	m.cleaner.AddBlob(m.Setup.Main, d)
	return nil
}

func (m *Mix) putDeleteManifest(ctx context.Context, n int) error {
	doc, err := m.Corpus.deleteManifest(n)
	if err != nil {
		return err
	}
	if err := m.Setup.Main.PutManifest(ctx, string(doc.Digest), doc); err != nil {
		return err
	}
	m.cleaner.AddManifest(m.Setup.Main, doc.Descriptor)
	return nil
}

// upload uploads a blob by a POST and a PUT.
func upload(ctx context.Context, repo *distribution.Repository, d manifest.Descriptor, body io.Reader) error {
	session, err := repo.Client.StartUpload(ctx, repo.Name, d.Digest)
	if err != nil {
		return err
	}
	return repo.Client.FinishUpload(ctx, session, d.Digest, d.Size, body)
}

// tag returns the tag of image n.
func (m *Mix) tag(n int) string { return fmt.Sprintf("%s-%d", m.Tag, n) }

// Close removes what the run has put into the registry and returns what could not be removed.
func (m *Mix) Close(ctx context.Context) []bench.Leftover { return m.cleaner.Close(ctx) }
