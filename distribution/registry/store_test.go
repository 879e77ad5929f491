package registry_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

var errDisk = errors.New("disk error")

// failingStore is a store in which some methods fail.
type failingStore struct{ registry.Store }

func (f failingStore) Repository(name string) registry.Repository {
	return failingRepository{f.Store.Repository(name)}
}

type failingRepository struct{ registry.Repository }

func (failingRepository) Manifest(context.Context, string) (manifest.Manifest, error) {
	return manifest.Manifest{}, errDisk
}

func (failingRepository) DeleteTag(context.Context, string) error { return errors.ErrUnsupported }

func (failingRepository) DeleteBlob(context.Context, blob.Digest) error { return fs.ErrPermission }

func (r failingRepository) Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	content, err := r.Repository.Blob(ctx, d, offset)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(content, d.Size/2), brokenReader{}), content}, nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errDisk }

// TestStoreReturnsWhatWasPut calls the stores without the HTTP endpoints.
func TestStoreReturnsWhatWasPut(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		ctx := t.Context()
		r := store.Repository("a/b")
		m := parse(t, imageOf("x"))
		for _, err := range []error{
			r.PutManifest(ctx, string(m.Digest), m),
			r.Tag(ctx, m.Digest, "1", "2"),
			r.PutManifest(ctx, "3", m),
			r.DeleteTag(ctx, "2"),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if tags, err := r.Tags(ctx); !cmp.Equal(tags, []string{"1", "3"}) || err != nil {
			t.Errorf("got tags %v, error %v", tags, err)
		}
		if names, err := store.Repositories(ctx); !cmp.Equal(names, []string{"a/b"}) || err != nil {
			t.Errorf("got repositories %v, error %v", names, err)
		}
		if d, err := r.HeadManifest(ctx, "3"); !cmp.Equal(d, m.Descriptor) || err != nil {
			t.Errorf("got descriptor %v, error %v", d, err)
		}
		if got, err := r.Manifest(ctx, string(m.Digest)); !cmp.Equal(got, m) || err != nil {
			t.Errorf("got %v, error %v", got, err)
		}
	})
}

func TestStoreErrors(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		ctx := t.Context()
		r := store.Repository("a")
		m := parse(t, imageOf("x"))
		other := m
		other.Raw = []byte("{}")
		for name, err := range map[string]error{
			"another digest as reference": r.PutManifest(ctx, digest("y"), m),
			"no reference":                r.PutManifest(ctx, "a b", m),
			"bytes of another manifest":   r.PutManifest(ctx, "1", other),
			"unknown algorithm":           errOf(r.NewUpload(ctx, "md5")),
			"offset past the end":         errOf(r.Blob(ctx, manifest.Descriptor{Digest: m.Digest}, 1)),
		} {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		for name, err := range map[string]error{
			"tag on nothing":     r.Tag(ctx, m.Digest, "1"),
			"no tag":             r.DeleteTag(ctx, "1"),
			"no manifest":        r.DeleteManifest(ctx, m.Digest),
			"no tags":            errOf(r.Tags(ctx)),
			"mount of nothing":   r.Mount(ctx, m.Digest, ""),
			"mount from nowhere": r.Mount(ctx, m.Digest, "b"),
			"no blob":            errOf(r.HeadBlob(ctx, m.Digest)),
		} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: got error %v", name, err)
			}
		}
	})
}

func TestCancelledUploadAddsNoBlob(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		r := store.Repository("a")
		u, err := r.NewUpload(t.Context(), blob.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(u, strings.NewReader("x")); err != nil || u.Size() != 1 {
			t.Errorf("got size %d, error %v", u.Size(), err)
		}
		if err := u.Cancel(); err != nil {
			t.Error(err)
		}
		if _, err := r.HeadBlob(t.Context(), blob.Digest(digest("x"))); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got error %v", err)
		}
	})
}

func parse(t *testing.T, document string) manifest.Manifest {
	t.Helper()
	m, err := manifest.Parse("", []byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func errOf[T any](_ T, err error) error { return err }
