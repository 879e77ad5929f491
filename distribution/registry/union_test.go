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
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// putImage pushes an image with one layer into a store.
func putImage(t *testing.T, s registry.Store, name, tag, layer string, members ...string) manifest.Manifest {
	t.Helper()
	c := serve(t, &registry.Handler{Store: s})
	c.pushBlob(name, layer)
	m := parse(t, imageOf(layer, members...))
	c.pushManifest(name, tag, string(m.Raw))
	return m
}

// A union has what any store has, and the first store's image if several have a tag.
func TestUnionReads(t *testing.T) {
	one, two := &registry.Memory{}, &registry.Memory{}
	a := putImage(t, one, "x", "1", "a")
	b := putImage(t, two, "x", "1", "b")
	putImage(t, two, "x", "2", "b")
	putImage(t, two, "y", "1", "c")
	subject := `"subject":` + descriptor(a.MediaType, string(a.Raw))
	for _, s := range []*registry.Memory{one, two} {
		putImage(t, s, "x", "", "signature", subject)
	}
	putImage(t, two, "x", "", "sbom", subject)
	c := serve(t, &registry.Handler{Store: &registry.Union{Stores: []registry.Store{one, two}}})

	c.do("GET", "/v2/_catalog", "").want(t, 200, "").wantBody(t, `{"repositories":["x","y"]}`+"\n")
	c.do("GET", "/v2/x/tags/list", "").want(t, 200, "").wantBody(t, `{"name":"x","tags":["1","2"]}`+"\n")
	c.do("GET", "/v2/x/manifests/1", "").want(t, 200, "").wantBody(t, string(a.Raw))
	c.do("HEAD", "/v2/x/manifests/1", "").want(t, 200, "").wantHeader(t, "Docker-Content-Digest: "+string(a.Digest))
	for _, ref := range []string{"2", string(b.Digest)} {
		c.do("GET", "/v2/x/manifests/"+ref, "").want(t, 200, "").wantBody(t, string(b.Raw))
	}
	for _, layer := range []string{"a", "b"} {
		c.do("GET", "/v2/x/blobs/"+digest(layer), "").want(t, 200, "").wantBody(t, layer)
	}
	body := c.do("GET", "/v2/x/referrers/"+string(a.Digest), "").want(t, 200, "").body
	if strings.Count(body, `"digest"`) != 2 {
		t.Errorf("got %s, want two referrers, one of which is in both stores", body)
	}
	c.do("GET", "/v2/x/blobs/"+digest("c"), "").want(t, 404, "BLOB_UNKNOWN")
	c.do("GET", "/v2/x/manifests/3", "").want(t, 404, "MANIFEST_UNKNOWN")
	c.do("GET", "/v2/z/tags/list", "").want(t, 404, "NAME_UNKNOWN")
}

func TestUnionWithoutWritableIsReadOnly(t *testing.T) {
	one := &registry.Memory{}
	m := putImage(t, one, "x", "1", "a")
	u := &registry.Union{Stores: []registry.Store{one}}
	r, ctx := u.Repository("x"), t.Context()
	_, errUpload := r.NewUpload(ctx, blob.SHA256)
	for what, err := range map[string]error{
		"NewUpload":      errUpload,
		"PutManifest":    r.PutManifest(ctx, "2", m),
		"Tag":            r.Tag(ctx, m.Digest, "2"),
		"DeleteTag":      r.DeleteTag(ctx, "1"),
		"DeleteManifest": r.DeleteManifest(ctx, m.Digest),
		"DeleteBlob":     r.DeleteBlob(ctx, blob.Digest(digest("a"))),
		"Mount":          r.Mount(ctx, blob.Digest(digest("a")), "x"),
	} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

// An error other than fs.ErrNotExist is returned; the next store is not tried.
func TestUnionReturnsErrorOfFirstStore(t *testing.T) {
	one, two := &registry.Memory{}, &registry.Memory{}
	putImage(t, one, "x", "1", "a")
	putImage(t, two, "x", "1", "a")
	c := serve(t, &registry.Handler{Store: &registry.Union{Stores: []registry.Store{failingStore{one}, two}}})
	c.do("GET", "/v2/x/manifests/1", "").want(t, 500, "UNKNOWN")
}

// Pushes go to the writable store, which stays complete: content that a client did not send because
// another store has it is copied.
func TestUnionWrites(t *testing.T) {
	readOnly, dir := &registry.Memory{}, openDir(t)
	old := putImage(t, readOnly, "x", "1", "base")
	u := &registry.Union{Writable: registry.OnDisk(dir), Stores: []registry.Store{readOnly}}
	c := serve(t, &registry.Handler{Store: u, RefuseSparse: true})

	// An index of the old image and a new one with the same layer. Only the new manifest is pushed.
	one := parse(t, imageOf("base", `"annotations":{"a":"b"}`))
	c.do("HEAD", "/v2/x/blobs/"+digest("base"), "").want(t, 200, "")
	c.pushManifest("x", "", string(one.Raw))
	list := `{"schemaVersion":2,"mediaType":"` + manifest.MediaTypeOCIIndex + `","manifests":[` +
		descriptor(old.MediaType, string(old.Raw)) + `,` + descriptor(one.MediaType, string(one.Raw)) + `]}`
	c.pushManifest("x", "1", list)
	c.do("GET", "/v2/x/manifests/1", "").want(t, 200, "").wantBody(t, list)
	checkComplete(t, dir)
	if _, err := dir.Repository("x").Manifest(t.Context(), string(old.Digest)); err != nil {
		t.Errorf("the manifest that was not pushed: %v", err)
	}

	// Mounts from a repository that only the other store has.
	c.do("POST", "/v2/y/blobs/uploads/?mount="+digest("base")+"&from=x", "").want(t, 201, "")
	putImage(t, readOnly, "z", "1", "other")
	c.do("POST", "/v2/y/blobs/uploads/?mount="+digest("other")+"&from=z", "").want(t, 201, "")
	c.do("POST", "/v2/y/blobs/uploads/?mount="+digest("missing")+"&from=z", "").want(t, 202, "")
	if size, err := dir.Repository("y").HeadBlob(t.Context(), blob.Digest(digest("other"))); size != 5 || err != nil {
		t.Errorf("got %d, %v", size, err)
	}
	sparse := imageOf("missing")
	c.do("PUT", "/v2/x/manifests/2", sparse).want(t, 404, "MANIFEST_BLOB_UNKNOWN")
}

// Content of a read-only store cannot be deleted; that of the writable store can.
func TestUnionDeletes(t *testing.T) {
	readOnly, dir := &registry.Memory{}, openDir(t)
	old := putImage(t, readOnly, "x", "1", "base")
	u := &registry.Union{Writable: registry.OnDisk(dir), Stores: []registry.Store{readOnly}}
	c := serve(t, &registry.Handler{Store: u})
	for _, path := range []string{"manifests/1", "manifests/" + string(old.Digest), "blobs/" + digest("base")} {
		c.do("DELETE", "/v2/x/"+path, "").want(t, 405, "UNSUPPORTED")
	}
	c.do("DELETE", "/v2/x/manifests/2", "").want(t, 404, "MANIFEST_UNKNOWN")
	c.pushBlob("x", "new")
	m := parse(t, imageOf("new"))
	c.pushManifest("x", "1", string(m.Raw))
	c.pushManifest("x", "2", string(m.Raw))
	c.do("GET", "/v2/x/manifests/1", "").want(t, 200, "").wantBody(t, string(m.Raw))
	c.do("DELETE", "/v2/x/manifests/2", "").want(t, 202, "")
	c.do("DELETE", "/v2/x/manifests/"+string(m.Digest), "").want(t, 202, "")
	c.do("DELETE", "/v2/x/blobs/"+digest("new"), "").want(t, 202, "")
	c.do("GET", "/v2/x/manifests/1", "").want(t, 200, "").wantBody(t, string(old.Raw))
}

// A corrupt blob of a read-only store is not copied.
func TestUnionCopiesNoCorruptBlob(t *testing.T) {
	readOnly, dir := &registry.Memory{}, openDir(t)
	putImage(t, readOnly, "x", "1", "base")
	u := &registry.Union{Writable: registry.OnDisk(dir), Stores: []registry.Store{corruptStore{readOnly}}}
	err := u.Repository("x").PutManifest(t.Context(), "2", parse(t, imageOf("base")))
	var mismatch *blob.MismatchError
	if !errors.As(err, &mismatch) {
		t.Errorf("got %v", err)
	}
	if _, err := dir.Repository("x").Tags(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	checkComplete(t, dir)
}

// corruptStore is a store whose blobs have wrong bytes.
type corruptStore struct{ registry.Store }

func (l corruptStore) Repository(name string) registry.Repository {
	return corruptRepository{l.Store.Repository(name)}
}

type corruptRepository struct{ registry.Repository }

func (corruptRepository) Blob(_ context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(strings.Repeat("x", int(d.Size))[offset:])), nil
}

func openDir(t *testing.T) *layout.Dir {
	t.Helper()
	dir, err := layout.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// checkComplete checks that the folder has all content its images refer to.
func checkComplete(t *testing.T, dir *layout.Dir) {
	t.Helper()
	if err := dir.Verify(t.Context(), func(c layout.Check) {
		if c.Err != nil {
			t.Errorf("%s: %v", c.What, c.Err)
		}
	}); err != nil {
		t.Error(err)
	}
}

// A folder has its images under the short names that a bundle has.
func TestShortNames(t *testing.T) {
	dir := openDir(t)
	s := registry.OnDisk(dir)
	put := func(name, tag, layer string) manifest.Manifest {
		r, m := s.Repository(name), parse(t, imageOf(layer))
		u, err := r.NewUpload(t.Context(), blob.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(u, layer); err != nil {
			t.Fatal(err)
		}
		if err := u.Commit(t.Context(), blob.Digest(digest(layer))); err != nil {
			t.Fatal(err)
		}
		if err := r.PutManifest(t.Context(), tag, m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	a := put("docker.io/hczjl/halo", "1.6", "a")
	b := put("r.example:5000/hczjl/halo", "1.6", "b")
	put("r.example:5000/hczjl/halo", "1.7", "b")
	put("docker.io/hczjl/halo", "1.7", "b")
	put("hczjl/halo", "1.8", "b")
	put("docker.io/hczjl/halo", "1.8", "a")
	x := put("localhost:5000/x", "1", "x")
	put("plain", "1", "x")
	c := serve(t, &registry.Handler{Store: registry.ShortNames(dir)})

	c.do("GET", "/v2/_catalog", "").want(t, 200, "").
		wantBody(t, `{"repositories":["docker.io/hczjl/halo","hczjl/halo","plain","x"]}`+"\n")
	c.do("GET", "/v2/x/manifests/1", "").want(t, 200, "").wantBody(t, string(x.Raw))
	c.do("GET", "/v2/x/blobs/"+digest("x"), "").want(t, 200, "").wantBody(t, "x")
	c.do("GET", "/v2/hczjl/halo/manifests/1.6", "").want(t, 404, "MANIFEST_UNKNOWN") // ambiguous
	c.do("GET", "/v2/docker.io/hczjl/halo/manifests/1.6", "").want(t, 200, "").wantBody(t, string(a.Raw))
	c.do("GET", "/v2/hczjl/halo/manifests/1.7", "").want(t, 200, "").wantBody(t, string(b.Raw))
	c.do("GET", "/v2/hczjl/halo/manifests/1.8", "").want(t, 200, "").wantBody(t, string(b.Raw))
	c.do("GET", "/v2/hczjl/halo/manifests/"+string(a.Digest), "").want(t, 200, "").wantBody(t, string(a.Raw))
	c.do("GET", "/v2/hczjl/halo/tags/list", "").want(t, 200, "").
		wantBody(t, `{"name":"hczjl/halo","tags":["1.7","1.8"]}`+"\n")
	c.do("PUT", "/v2/x/manifests/2", string(x.Raw)).want(t, 405, "UNSUPPORTED")
	names, err := registry.ShortNames(dir).Repositories(t.Context())
	want := []string{"docker.io/hczjl/halo", "hczjl/halo", "plain", "r.example:5000/hczjl/halo", "x"}
	if diff := cmp.Diff(want, names); diff != "" || err != nil {
		t.Error(err, diff)
	}
}
