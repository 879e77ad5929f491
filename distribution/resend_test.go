package distribution_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

const putManifestCall = `^PUT .*/manifests/`

// imageOf returns an image whose config and only layer are one blob.
func imageOf(t *testing.T, d manifest.Descriptor) manifest.Manifest {
	t.Helper()
	entry := fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d}`, d.MediaType, d.Digest, d.Size)
	m, err := manifest.Parse("", []byte(fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":%s,"layers":[%s]}`,
		manifest.MediaTypeOCIManifest, entry, entry)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A registry that does not find what it was just given is asked for it, gets what it lacks, and
// gets the manifest again.
func TestPutManifestResends(t *testing.T) {
	unknown := registry.Rule{Match: putManifestCall, Status: 400,
		Body: `{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}`}
	times := func(n int) registry.Rule { rule := unknown; rule.Times = n; return rule }
	b, d := randomBlob(1000)
	mountLies := registry.Rule{Match: mountCall, Status: 201, Header: map[string]string{"Docker-Content-Digest": string(d.Digest)}}
	for name, c := range map[string]struct {
		rules       []registry.Rule
		puts, heads int
		uploads     int
		stored      bool
	}{
		"found at once":     {nil, 1, 0, 1, true},
		"found late":        {[]registry.Rule{times(2)}, 3, 2, 1, true},
		"mount that lied":   {[]registry.Rule{mountLies}, 2, 1, 1, true},
		"never found":       {[]registry.Rule{unknown}, 4, 3, 1, false},
		"refused, not lost": {[]registry.Rule{{Match: putManifestCall, Status: 400}}, 1, 0, 1, false},
	} {
		l := newFaultyRegistry(t, c.rules...)
		l.Handler = &registry.Handler{RefuseSparse: true}
		if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
			t.Fatal(err)
		}
		open := func(manifest.Descriptor) blob.Open { return l.open(b) }
		err := l.repo.PutManifestResending(t.Context(), "t", imageOf(t, d), open)
		if (err == nil) != c.stored {
			t.Errorf("%s: got error %v", name, err)
		}
		puts, heads, uploads := l.Count(putManifestCall), l.Count(`^HEAD .*/blobs/`), l.Count(`^PUT .*/blobs/`)
		if puts != c.puts || heads != c.heads || uploads != c.uploads || len(l.slept) != c.puts-1 {
			t.Errorf("%s: %d PUTs, %d HEADs, %d uploads, %d pauses, want %d, %d, %d and %d", name,
				puts, heads, uploads, len(l.slept), c.puts, c.heads, c.uploads, c.puts-1)
		}
		if c.stored {
			l.checkBlob(t, b, d)
		}
	}
}

// The entries of an index may need a moment too. They are not asked for as blobs.
func TestPutIndexWaitsForItsEntries(t *testing.T) {
	l := newFaultyRegistry(t, registry.Rule{Match: putManifestCall, Times: 1, Status: 404,
		Body: `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`})
	m, err := manifest.Parse("", []byte(`{"schemaVersion":2,"manifests":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.repo.PutManifestResending(t.Context(), "t", m, nil); err != nil {
		t.Error(err)
	}
	if l.Count(putManifestCall) != 2 || len(l.Requests()) != 2 {
		t.Errorf("called %+v", l.Requests())
	}
}

func TestResendFailsWithTheSource(t *testing.T) {
	b, d := randomBlob(1000)
	l := newFaultyRegistry(t)
	l.Handler = &registry.Handler{RefuseSparse: true}
	wrong := func(manifest.Descriptor) blob.Open { return l.open(append([]byte{b[0] ^ 1}, b[1:]...)) }
	err := l.repo.PutManifestResending(t.Context(), "t", imageOf(t, d), wrong)
	var mismatch *blob.MismatchError
	if !errors.As(err, &mismatch) || l.Count(putManifestCall) != 1 {
		t.Errorf("got error %v after %d PUTs", err, l.Count(putManifestCall))
	}
	var answer *distribution.Error
	if errors.As(err, &answer) {
		t.Errorf("the registry is blamed: %v", err)
	}
}

// A foreign layer that the source has is sent again as any other blob. One that it has not, or that
// is not to be copied, is left out once more.
func TestForeignLayersAreResent(t *testing.T) {
	b, d := randomBlob(1000)
	d.MediaType = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
	config, configDescriptor := randomBlob(500)
	for name, c := range map[string]struct {
		open    func(l *faultyRegistry) blob.Open
		uploads int
	}{
		"the source has it":    {func(l *faultyRegistry) blob.Open { return l.open(b) }, 1},
		"the source lacks it":  {func(*faultyRegistry) blob.Open { return opensNothing }, 0},
		"it is not to be sent": {func(*faultyRegistry) blob.Open { return nil }, 0},
	} {
		l := newFaultyRegistry(t, registry.Rule{Match: putManifestCall, Times: 1, Status: 400,
			Body: `{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}`})
		if _, err := l.repo.PutBlob(t.Context(), configDescriptor, l.open(config)); err != nil {
			t.Fatal(err)
		}
		before := l.Count(`^PUT .*/blobs/`)
		open := func(what manifest.Descriptor) blob.Open {
			if what.Digest == d.Digest {
				return c.open(l)
			}
			return l.open(config)
		}
		m, err := manifest.Parse("", fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":%s,"layers":[%s]}`,
			manifest.MediaTypeOCIManifest, entryOf(configDescriptor), entryOf(d)))
		if err != nil {
			t.Fatal(err)
		}
		err = l.repo.PutManifestResending(t.Context(), "t", m, open)
		if uploads := l.Count(`^PUT .*/blobs/`) - before; err != nil || uploads != c.uploads {
			t.Errorf("%s: %d uploads, want %d, error %v", name, uploads, c.uploads, err)
		}
	}
}

func opensNothing(context.Context, int64) (io.ReadCloser, error) { return nil, fs.ErrNotExist }

func entryOf(d manifest.Descriptor) string {
	return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d}`, d.MediaType, d.Digest, d.Size)
}

// A registry that refuses an index of blobs although it has them gets it once. What it lacks it gets
// as it gets the layers of an image.
func TestIndexOfBlobsIsPutOnce(t *testing.T) {
	b, d := randomBlob(1000)
	d.MediaType = manifest.MediaTypeBuildKitCache
	m, err := manifest.Parse("", fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"manifests":[%s]}`,
		manifest.MediaTypeOCIIndex, entryOf(d)))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		hasBlob bool
		puts    int
	}{"it has the blob": {true, 1}, "it lost the blob": {false, 2}} {
		l := newFaultyRegistry(t, registry.Rule{Match: putManifestCall, Times: c.puts, Status: 400,
			Body: `{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}`})
		if c.hasBlob {
			if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
				t.Fatal(err)
			}
		}
		err := l.repo.PutManifestResending(t.Context(), "t", m, func(manifest.Descriptor) blob.Open { return l.open(b) })
		if n := l.Count(putManifestCall); !errors.Is(err, distribution.ManifestBlobUnknown) || n != c.puts {
			t.Errorf("%s: %d PUTs, want %d, error %v", name, n, c.puts, err)
		}
		l.checkBlob(t, b, d)
	}
}
