package transfer_test

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// localRepo is a repository that knows what it has, as a folder or tar does.
type localRepo struct{ *repo }

func (r localRepo) HasContent(d blob.Digest) bool {
	_, isBlob := r.blobs[d]
	_, isManifest := r.manifests[string(d)]
	return isBlob || isManifest
}

// attested adds tag t: an index of images for amd64, arm64 and s390x, and an attestation of each of
// the first two.
func attested(t testing.TB) (src *repo, entries []manifest.Descriptor) {
	t.Helper()
	src = newRepo("src")
	for _, arch := range []string{"amd64", "arm64", "s390x"} {
		entries = append(entries, src.addImage(t, "linux/"+arch, "for "+arch))
	}
	for _, image := range entries[:2] {
		about := src.addImage(t, "unknown/unknown", "about "+string(image.Digest))
		about.Annotations = map[string]string{"vnd.docker.reference.type": "attestation-manifest",
			"vnd.docker.reference.digest": string(image.Digest)}
		entries = append(entries, about)
	}
	src.addIndex(t, "t", entries...)
	return src, entries
}

// Of an index that a local source has in part, the error says what is whole before anything is
// copied, and Available takes that.
func TestIncompleteIndexes(t *testing.T) {
	for name, c := range map[string]struct {
		remove     func(src *repo, entries []manifest.Descriptor)
		platform   string // of Platforms
		incomplete string // the error without Available; "" if there is none
		kept       string // the platforms with Available, with + for an attestation
	}{
		"nothing is missing": {
			remove: func(*repo, []manifest.Descriptor) {}, kept: "linux/amd64 linux/arm64 linux/s390x + +"},
		"a manifest": {
			remove:     func(src *repo, e []manifest.Descriptor) { delete(src.manifests, string(e[1].Digest)) },
			incomplete: "incomplete: linux/arm64; whole: linux/amd64, linux/s390x",
			kept:       "linux/amd64 linux/s390x +",
		},
		"a layer": {
			remove:     func(src *repo, _ []manifest.Descriptor) { delete(src.blobs, blob.FromBytes([]byte("for amd64"))) },
			incomplete: "incomplete: linux/amd64; whole: linux/arm64, linux/s390x",
			kept:       "linux/arm64 linux/s390x +",
		},
		"an attestation": {
			remove:     func(src *repo, e []manifest.Descriptor) { delete(src.manifests, string(e[3].Digest)) },
			incomplete: "incomplete: the attestation of sha256:",
			kept:       "linux/amd64 linux/arm64 linux/s390x +",
		},
		"all images": {
			remove: func(src *repo, e []manifest.Descriptor) {
				for _, d := range e[:3] {
					delete(src.manifests, string(d.Digest))
				}
			},
			incomplete: "incomplete: linux/amd64, linux/arm64, linux/s390x; no platform is whole",
		},
		"another platform than the one asked for": {
			remove:   func(src *repo, e []manifest.Descriptor) { delete(src.manifests, string(e[1].Digest)) },
			platform: "linux/amd64", kept: "linux/amd64 +",
		},
		"the attestation of the platform asked for": {
			remove:   func(src *repo, e []manifest.Descriptor) { delete(src.manifests, string(e[3].Digest)) },
			platform: "linux/amd64", kept: "linux/amd64",
		},
		"the platform asked for": {
			remove:     func(src *repo, e []manifest.Descriptor) { delete(src.manifests, string(e[1].Digest)) },
			platform:   "linux/arm64",
			incomplete: "incomplete: linux/arm64; whole: linux/amd64, linux/s390x",
		},
	} {
		src, entries := attested(t)
		c.remove(src, entries)
		var skipped []string
		e := &transfer.Engine{Available: true, OnEvent: func(ev transfer.Event) {
			if ev.Kind == transfer.EntrySkipped {
				skipped = append(skipped, string(ev.Descriptor.Digest))
			}
		}}
		plain := &transfer.Engine{}
		if c.platform != "" {
			plain, e.Platforms = platforms(t, c.platform), []manifest.Platform{parsePlatform(t, c.platform)}
		}
		dst := newRepo("dst")
		_, err := plain.Copy(t.Context(), localRepo{src}, "t", dst, "t")
		wantIncomplete(t, name, err, c.incomplete)
		if c.incomplete != "" && dst.count("put")+dst.count("upload") != 0 {
			t.Errorf("%s: something was copied: %q", name, dst.log)
		}
		dst = newRepo("dst")
		d, err := e.Copy(t.Context(), localRepo{src}, "t", dst, "t")
		if c.kept == "" {
			wantIncomplete(t, name+", Available", err, c.incomplete)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var kept []string
		for _, entry := range dst.entries(t, "t") {
			if entry.AttestationFor() != "" {
				kept = append(kept, "+")
			} else {
				kept = append(kept, entry.Platform.String())
			}
		}
		same := len(skipped) == 0 && c.platform == ""
		if got := strings.Join(kept, " "); got != c.kept || same != (d.Digest == src.manifests["t"].Digest) {
			t.Errorf("%s: %s was copied as %s, want %s", name, got, d.Digest, c.kept)
		}
		if c.platform == "" && len(skipped)+len(kept) != len(entries) {
			t.Errorf("%s: %d entries are reported as skipped, %d were kept", name, len(skipped), len(kept))
		}
	}
}

func wantIncomplete(t *testing.T, name string, err error, text string) {
	t.Helper()
	var incomplete *transfer.IncompleteError
	switch {
	case text == "" && err == nil:
	case text == "" || !errors.As(err, &incomplete) || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), text):
		t.Errorf("%s: got error %v, want %q", name, err, text)
	}
}

// A damaged manifest is not a missing one.
func TestAvailableKeepsDamageAnError(t *testing.T) {
	src, entries := attested(t)
	m := src.manifests[string(entries[0].Digest)]
	m.Raw = slices.Clone(m.Raw)
	m.Raw[len(m.Raw)-1] = ' '
	src.manifests[string(entries[0].Digest)] = m
	_, err := (&transfer.Engine{Available: true}).Copy(t.Context(), localRepo{src}, "t", newRepo("dst"), "t")
	var mismatch *blob.MismatchError
	if !errors.As(err, &mismatch) {
		t.Errorf("got error %v", err)
	}
}

// A registry is only asked for what it has if Available is set, and then with a HEAD for each image.
func TestAvailableOnARegistry(t *testing.T) {
	src, entries := attested(t)
	delete(src.manifests, string(entries[2].Digest))
	if _, err := new(transfer.Engine).Copy(t.Context(), src, "t", newRepo("dst"), "t"); err == nil {
		t.Error("without Available: no error")
	}
	if n := src.count("head sha256:"); n != 0 {
		t.Errorf("without Available: %d HEADs", n)
	}
	dst := newRepo("dst")
	_, err := (&transfer.Engine{Available: true}).Copy(t.Context(), src, "t", dst, "t")
	if n := src.count("head sha256:"); err != nil || n != len(entries) || len(dst.entries(t, "t")) != 4 {
		t.Errorf("%d HEADs, %q, error %v", n, src.log, err)
	}
}

func TestIncompleteTellsOnlyOfIndexesThatLackSomething(t *testing.T) {
	src, entries := attested(t)
	incomplete := func(ref string) error {
		return new(transfer.Engine).Incomplete(context.Background(), localRepo{src}, ref)
	}
	for _, ref := range []string{"t", string(entries[0].Digest), "unknown"} {
		if err := incomplete(ref); err != nil {
			t.Errorf("%s: %v", ref, err)
		}
	}
	delete(src.manifests, string(entries[0].Digest))
	wantIncomplete(t, "t", incomplete("t"), "incomplete: linux/amd64")
}
