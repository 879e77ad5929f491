package distribution_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// mirrorHost is an embedded registry with faults, at host.
type mirrorHost struct {
	*registry.Faults
	host string
}

func newMirrorHost(t *testing.T) mirrorHost {
	t.Helper()
	f := &registry.Faults{Handler: &registry.Handler{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return mirrorHost{f, strings.TrimPrefix(server.URL, "http://")}
}

// addImage puts an image with one layer, and returns its digest.
func (h mirrorHost) addImage(t *testing.T, repo, tag, layer string) manifest.Manifest {
	t.Helper()
	dst := h.target(t, repo)
	put := func(text string) string {
		d := manifest.Descriptor{Digest: blob.FromBytes([]byte(text)), Size: int64(len(text))}
		if _, err := dst.PutBlob(t.Context(), d, openText(text)); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`"digest":%q,"size":%d`, d.Digest, d.Size)
	}
	raw := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%q,%s},"layers":[{"mediaType":%q,%s}]}`,
		manifest.MediaTypeOCIManifest, "application/vnd.oci.image.config.v1+json",
		put(`{"os":"linux","architecture":"amd64"}`), "application/vnd.oci.image.layer.v1.tar", put(layer))
	m, err := manifest.Parse(manifest.MediaTypeOCIManifest, []byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	if err := dst.PutManifest(t.Context(), tag, m); err != nil {
		t.Fatal(err)
	}
	h.ResetRequests()
	return m
}

func (h mirrorHost) target(t *testing.T, repo string) *distribution.Repository {
	t.Helper()
	ref, err := reference.Parse(h.host + "/" + repo)
	if err != nil {
		t.Fatal(err)
	}
	return distribution.NewTransport(distribution.Options{}).Repository(ref, auth.Pull, auth.Push)
}

func openText(text string) blob.Open {
	return func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(text[offset:])), nil
	}
}

// mirrorEvents collects events.
type mirrorEvents struct {
	mu  sync.Mutex
	all []distribution.MirrorEvent
}

func (e *mirrorEvents) add(ev distribution.MirrorEvent) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, ev)
}

// servedBy counts what each mirror has served.
func (e *mirrorEvents) servedBy() map[string]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := map[string]int{}
	for _, ev := range e.all {
		if ev.Err == nil {
			out[ev.Mirror]++
		}
	}
	return out
}

// mirrored returns the repository team/app of a registry with mirrors.
func mirrored(t *testing.T, host string, mirrors ...string) (*distribution.Repository, *mirrorEvents) {
	t.Helper()
	events := &mirrorEvents{}
	direct := distribution.NewTransport(distribution.Options{Attempts: 1})
	var list []*distribution.Mirror
	for _, m := range mirrors {
		at, prefix, _ := strings.Cut(m, "/")
		list = append(list, direct.Mirror(at, prefix))
	}
	ref, err := reference.Parse(host + "/team/app:1")
	if err != nil {
		t.Fatal(err)
	}
	o := distribution.Options{
		Attempts: 1, Mirrors: map[string][]*distribution.Mirror{host: list}, OnMirror: events.add,
	}
	return distribution.NewTransport(o).Repository(ref, auth.Pull), events
}

// copyFrom copies team/app:1 to a new registry.
func copyFrom(t *testing.T, src *distribution.Repository) (manifest.Descriptor, error) {
	t.Helper()
	return (&transfer.Engine{}).Copy(t.Context(), src, "1", newMirrorHost(t).target(t, "copy"), "1")
}

func TestMirrorServesImage(t *testing.T) {
	origin, mirror := newMirrorHost(t), newMirrorHost(t)
	want := mirror.addImage(t, "proxy/team/app", "1", "layer")
	src, events := mirrored(t, origin.host, mirror.host+"/proxy")
	got, err := copyFrom(t, src)
	if err != nil || got.Digest != want.Digest {
		t.Fatalf("got %s, error %v", got.Digest, err)
	}
	if n := len(origin.Requests()); n != 0 {
		t.Errorf("%d calls to the registry, want none", n)
	}
	if n := mirror.Count(`\?ns=127\.0\.0\.1%3A`); n != len(mirror.Requests()) || n == 0 {
		t.Errorf("%d of %d calls to the mirror name the registry", n, len(mirror.Requests()))
	}
	if served := events.servedBy(); served[mirror.host+"/proxy"] != 3 || len(served) != 1 {
		t.Errorf("served by %v", served)
	}
}

// Each failure of the first mirror leads to the second, with the same image.
func TestMirrorFailureFallsThrough(t *testing.T) {
	for name, rules := range map[string][]registry.Rule{
		"down":           {{Cut: registry.CutResponse}},
		"404":            {{Status: 404}},
		"500":            {{Status: 500}},
		"429":            {{Status: 429, Header: map[string]string{"Retry-After": "3600"}}},
		"403":            {{Status: 403}},
		"401":            {{Status: 401, Header: map[string]string{"WWW-Authenticate": `Basic realm="x"`}}},
		"page":           {{Status: 200, Body: "<html>", Header: map[string]string{"Content-Type": "text/html"}}},
		"blobs missing":  {{Match: "/blobs/", Status: 404}},
		"other blobs":    {{Match: "GET .*/blobs/", Corrupt: true}},
		"blob cut":       {{Match: "GET .*/blobs/", Cut: registry.CutResponse, After: 2}},
		"blob cut short": {{Match: "GET .*/blobs/", Cut: registry.CutSilently, After: 2}},
	} {
		origin, first, second := newMirrorHost(t), newMirrorHost(t), newMirrorHost(t)
		want := second.addImage(t, "team/app", "1", "layer")
		first.addImage(t, "team/app", "1", "layer")
		first.Set(rules...)
		src, events := mirrored(t, origin.host, first.host, second.host)
		got, err := copyFrom(t, src)
		if err != nil || got.Digest != want.Digest {
			t.Errorf("%s: got %s, error %v", name, got.Digest, err)
		}
		if n := len(origin.Requests()); n != 0 || events.servedBy()[second.host] == 0 {
			t.Errorf("%s: %d calls to the registry, served by %v", name, n, events.servedBy())
		}
	}
}

// A mirror that sends other bytes for a digest is asked no more, for whatever.
func TestMirrorWithOtherBytesIsDropped(t *testing.T) {
	for name, match := range map[string]string{"manifest": "GET .*/manifests/sha256", "blob": "GET .*/blobs/"} {
		origin, mirror := newMirrorHost(t), newMirrorHost(t)
		m := origin.addImage(t, "team/app", "1", "layer")
		mirror.addImage(t, "team/app", "1", "layer")
		mirror.Set(registry.Rule{Match: match, Corrupt: true})
		src, events := mirrored(t, origin.host, mirror.host)
		e := &transfer.Engine{Jobs: 1}
		if _, err := e.Copy(t.Context(), src, string(m.Digest), newMirrorHost(t).target(t, "copy"), "1"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		dropped := 0
		for _, ev := range events.all {
			if ev.Dropped && ev.Mirror == mirror.host && errors.As(ev.Err, new(*blob.MismatchError)) {
				dropped++
			}
		}
		before := len(mirror.Requests())
		if _, err := src.Manifest(t.Context(), "1"); err != nil || dropped != 1 || len(mirror.Requests()) != before {
			t.Errorf("%s: dropped %d times, %d more calls, error %v", name, dropped, len(mirror.Requests())-before, err)
		}
	}
}

// Several targets of one copy get the right bytes too.
func TestMirrorWithOtherBytesAndSeveralTargets(t *testing.T) {
	origin, mirror := newMirrorHost(t), newMirrorHost(t)
	origin.addImage(t, "team/app", "1", "layer")
	mirror.addImage(t, "team/app", "1", "layer")
	mirror.Set(registry.Rule{Match: "GET .*/blobs/", Corrupt: true})
	src, _ := mirrored(t, origin.host, mirror.host)
	var to []transfer.Destination
	for range 3 {
		to = append(to, transfer.Destination{Target: newMirrorHost(t).target(t, "copy"), As: "1"})
	}
	_, errs, common := (&transfer.Engine{}).CopyAll(t.Context(), src, "1", to...)
	if err := errors.Join(append(errs, common)...); err != nil {
		t.Error(err)
	}
}

// If no mirror has the right bytes, and the registry neither, the error is one of integrity.
func TestMirrorWithOtherBytesAndNoOther(t *testing.T) {
	origin, mirror := newMirrorHost(t), newMirrorHost(t)
	mirror.addImage(t, "team/app", "1", "layer")
	mirror.Set(registry.Rule{Match: "GET .*/blobs/", Corrupt: true})
	origin.Set(registry.Rule{Cut: registry.CutResponse})
	src, _ := mirrored(t, origin.host, mirror.host)
	_, err := copyFrom(t, src)
	if !errors.As(err, new(*blob.MismatchError)) || !strings.Contains(err.Error(), mirror.host) {
		t.Errorf("got %v, want a mismatch that names the mirror", err)
	}
}

func TestAllMirrorsFail(t *testing.T) {
	origin, denied, missing := newMirrorHost(t), newMirrorHost(t), newMirrorHost(t)
	denied.Set(registry.Rule{Status: 403})
	src, _ := mirrored(t, origin.host, denied.host, missing.host)
	_, err := src.Manifest(t.Context(), "1")
	var failed *distribution.MirrorError
	if !errors.As(err, &failed) || !errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		t.Fatalf("got %v, want the registry's 404", err)
	}
	if len(failed.Failures) != 2 || !strings.Contains(err.Error(), denied.host+": 403 Forbidden; "+missing.host+": 404") {
		t.Errorf("got %v", err)
	}
}

// A tag is the mirror's, as with docker and containerd, unless the mirror is for digests only.
func TestStaleTagOfMirror(t *testing.T) {
	origin, mirror := newMirrorHost(t), newMirrorHost(t)
	fresh := origin.addImage(t, "team/app", "1", "new")
	stale := mirror.addImage(t, "team/app", "1", "old")
	for digestsOnly, want := range map[bool]manifest.Manifest{false: stale, true: fresh} {
		src, _ := mirrored(t, origin.host, mirror.host)
		src.Mirrors[0].DigestsOnly = digestsOnly
		if got, err := copyFrom(t, src); err != nil || got.Digest != want.Digest {
			t.Errorf("digests only: %v: got %s, error %v", digestsOnly, got.Digest, err)
		}
	}
	if mirror.Count("GET .*/blobs/") < 3 { // both of the stale image, and the config of the fresh one
		t.Error("a mirror for digests only is not asked for blobs")
	}
}

// Only pulls use mirrors. Writes, lists and deletes go to the registry.
func TestMirrorsAreForPullsAlone(t *testing.T) {
	origin, mirror := newMirrorHost(t), newMirrorHost(t)
	mirror.addImage(t, "team/app", "1", "layer")
	o := distribution.Options{Mirrors: map[string][]*distribution.Mirror{
		origin.host: {distribution.NewTransport(distribution.Options{}).Mirror(mirror.host, "")},
	}}
	ref, err := reference.Parse(origin.host + "/team/app")
	if err != nil {
		t.Fatal(err)
	}
	for _, actions := range [][]string{nil, {auth.Pull, auth.Push}, {auth.Pull, auth.Push, auth.Delete}} {
		repo := distribution.NewTransport(o).Repository(ref, actions...)
		if _, err := repo.HeadManifest(t.Context(), "1"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v: got error %v", actions, err)
		}
	}
	pulled := distribution.NewTransport(o).Repository(ref, auth.Pull)
	for _, err := range pulled.TagNames(t.Context()) {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("tags: got error %v", err)
		}
	}
	if n := len(mirror.Requests()); n != 0 {
		t.Errorf("%d calls to the mirror", n)
	}
}

// After a run is cancelled, no other mirror is asked.
func TestCancelledReadFromMirror(t *testing.T) {
	origin, mirror := newMirrorHost(t), newMirrorHost(t)
	ctx, cancel := context.WithCancel(t.Context())
	mirror.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	src, events := mirrored(t, origin.host, mirror.host)
	_, err := src.Manifest(ctx, "1")
	if !errors.Is(err, context.Canceled) || len(origin.Requests()) != 0 || len(events.all) != 0 {
		t.Errorf("got %v, %d calls, events %v", err, len(origin.Requests()), events.all)
	}
}
