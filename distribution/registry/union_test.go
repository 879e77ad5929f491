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

// fill puts an image with one layer into a store, under a tag.
func fill(t *testing.T, s registry.Store, name, tag, layer string, members ...string) manifest.Manifest {
	t.Helper()
	c := serve(t, &registry.Handler{Store: s})
	c.pushBlob(name, layer)
	m := parse(t, imageOf(layer, members...))
	c.pushManifest(name, tag, string(m.Raw))
	return m
}

// A union shows what any store has, and where several have a tag the first one's.
func TestUnionIsRead(t *testing.T) {
	one, two := &registry.Memory{}, &registry.Memory{}
	a := fill(t, one, "x", "1", "a")
	b := fill(t, two, "x", "1", "b")
	fill(t, two, "x", "2", "b")
	fill(t, two, "y", "1", "c")
	subject := `"subject":` + descriptor(a.MediaType, string(a.Raw))
	for _, s := range []*registry.Memory{one, two} {
		fill(t, s, "x", "", "signature", subject)
	}
	fill(t, two, "x", "", "sbom", subject)
	c := serve(t, &registry.Handler{Store: &registry.Union{Stores: []registry.Store{one, two}}})

	c.do("GET", "/v2/_catalog", "").want(t, 200, "").is(t, `{"repositories":["x","y"]}`+"\n")
	c.do("GET", "/v2/x/tags/list", "").want(t, 200, "").is(t, `{"name":"x","tags":["1","2"]}`+"\n")
	c.do("GET", "/v2/x/manifests/1", "").want(t, 200, "").is(t, string(a.Raw))
	c.do("HEAD", "/v2/x/manifests/1", "").want(t, 200, "").header(t, "Docker-Content-Digest: "+string(a.Digest))
	for _, ref := range []string{"2", string(b.Digest)} {
		c.do("GET", "/v2/x/manifests/"+ref, "").want(t, 200, "").is(t, string(b.Raw))
	}
	for _, layer := range []string{"a", "b"} {
		c.do("GET", "/v2/x/blobs/"+digest(layer), "").want(t, 200, "").is(t, layer)
	}
	if body := c.do("GET", "/v2/x/referrers/"+string(a.Digest), "").want(t, 200, "").body; strings.Count(body, `"digest"`) != 2 {
		t.Errorf("two referrers, one of them in both stores: %s", body)
	}
	c.do("GET", "/v2/x/blobs/"+digest("c"), "").want(t, 404, "BLOB_UNKNOWN")
	c.do("GET", "/v2/x/manifests/3", "").want(t, 404, "MANIFEST_UNKNOWN")
	c.do("GET", "/v2/z/tags/list", "").want(t, 404, "NAME_UNKNOWN")
}

func TestUnionIsOnlyRead(t *testing.T) {
	one := &registry.Memory{}
	m := fill(t, one, "x", "1", "a")
	u := &registry.Union{Stores: []registry.Store{one}}
	r, ctx := u.Repository("x"), t.Context()
	_, errUpload := r.NewUpload(ctx, blob.SHA256)
	for what, err := range map[string]error{
		"NewUpload": errUpload, "PutManifest": r.PutManifest(ctx, "2", m), "Tag": r.Tag(ctx, m.Digest, "2"), "Untag": r.Untag(ctx, "1"),
		"DeleteManifest": r.DeleteManifest(ctx, m.Digest), "DeleteBlob": r.DeleteBlob(ctx, blob.Digest(digest("a"))),
		"Mount": r.Mount(ctx, blob.Digest(digest("a")), "x"),
	} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

// An error of one store is no reason to look into the next.
func TestUnionHidesNoErrors(t *testing.T) {
	one, two := &registry.Memory{}, &registry.Memory{}
	fill(t, one, "x", "1", "a")
	fill(t, two, "x", "1", "a")
	c := serve(t, &registry.Handler{Store: &registry.Union{Stores: []registry.Store{failing{one}, two}}})
	c.do("GET", "/v2/x/manifests/1", "").want(t, 500, "UNKNOWN")
}

// What is pushed goes to the writable store, which comes first and is whole for itself: what a client did not send, since
// another store has it, is copied there.
func TestUnionIsWritten(t *testing.T) {
	only, dir := &registry.Memory{}, openDir(t)
	old := fill(t, only, "x", "1", "base")
	u := &registry.Union{Writable: registry.OnDisk(dir), Stores: []registry.Store{only}}
	c := serve(t, &registry.Handler{Store: u, RefuseSparse: true})

	// A list of the old image and of a new one on the same layer: only the new one's manifest is sent.
	one := parse(t, imageOf("base", `"annotations":{"a":"b"}`))
	c.do("HEAD", "/v2/x/blobs/"+digest("base"), "").want(t, 200, "")
	c.pushManifest("x", "", string(one.Raw))
	list := `{"schemaVersion":2,"mediaType":"` + manifest.MediaTypeOCIIndex + `","manifests":[` +
		descriptor(old.MediaType, string(old.Raw)) + `,` + descriptor(one.MediaType, string(one.Raw)) + `]}`
	c.pushManifest("x", "1", list)
	c.do("GET", "/v2/x/manifests/1", "").want(t, 200, "").is(t, list)
	whole(t, dir)
	if _, err := dir.Repository("x").Manifest(t.Context(), string(old.Digest)); err != nil {
		t.Errorf("the child that was not sent: %v", err)
	}

	// A mount from a repository that only the other store has.
	c.do("POST", "/v2/y/blobs/uploads/?mount="+digest("base")+"&from=x", "").want(t, 201, "")
	fill(t, only, "z", "1", "other")
	c.do("POST", "/v2/y/blobs/uploads/?mount="+digest("other")+"&from=z", "").want(t, 201, "")
	c.do("POST", "/v2/y/blobs/uploads/?mount="+digest("nothing")+"&from=z", "").want(t, 202, "")
	if size, err := dir.Repository("y").HeadBlob(t.Context(), blob.Digest(digest("other"))); size != 5 || err != nil {
		t.Errorf("got %d, %v", size, err)
	}
	sparse := imageOf("nowhere")
	c.do("PUT", "/v2/x/manifests/2", sparse).want(t, 404, "MANIFEST_BLOB_UNKNOWN")
}

// What is in a store that is only read cannot be deleted; what is in the other can.
func TestUnionDeletes(t *testing.T) {
	only, dir := &registry.Memory{}, openDir(t)
	old := fill(t, only, "x", "1", "base")
	c := serve(t, &registry.Handler{Store: &registry.Union{Writable: registry.OnDisk(dir), Stores: []registry.Store{only}}})
	for _, path := range []string{"manifests/1", "manifests/" + string(old.Digest), "blobs/" + digest("base")} {
		c.do("DELETE", "/v2/x/"+path, "").want(t, 405, "UNSUPPORTED")
	}
	c.do("DELETE", "/v2/x/manifests/2", "").want(t, 404, "MANIFEST_UNKNOWN")
	c.pushBlob("x", "new")
	m := parse(t, imageOf("new"))
	c.pushManifest("x", "1", string(m.Raw))
	c.pushManifest("x", "2", string(m.Raw))
	c.do("GET", "/v2/x/manifests/1", "").want(t, 200, "").is(t, string(m.Raw))
	c.do("DELETE", "/v2/x/manifests/2", "").want(t, 202, "")
	c.do("DELETE", "/v2/x/manifests/"+string(m.Digest), "").want(t, 202, "")
	c.do("DELETE", "/v2/x/blobs/"+digest("new"), "").want(t, 202, "")
	c.do("GET", "/v2/x/manifests/1", "").want(t, 200, "").is(t, string(old.Raw))
}

// A blob that is damaged where it is only read is not copied.
func TestUnionCopiesNothingWrong(t *testing.T) {
	only, dir := &registry.Memory{}, openDir(t)
	fill(t, only, "x", "1", "base")
	u := &registry.Union{Writable: registry.OnDisk(dir), Stores: []registry.Store{lying{only}}}
	err := u.Repository("x").PutManifest(t.Context(), "2", parse(t, imageOf("base")))
	var mismatch *blob.MismatchError
	if !errors.As(err, &mismatch) {
		t.Errorf("got %v", err)
	}
	if _, err := dir.Repository("x").Tags(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	whole(t, dir)
}

// lying is a store whose blobs are others than they should be.
type lying struct{ registry.Store }

func (l lying) Repository(name string) registry.Repository {
	return lyingRepository{l.Store.Repository(name)}
}

type lyingRepository struct{ registry.Repository }

func (lyingRepository) Blob(_ context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
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

// whole makes sure that all that a folder's images refer to is in it.
func whole(t *testing.T, dir *layout.Dir) {
	t.Helper()
	if err := dir.Verify(t.Context(), func(c layout.Check) {
		if c.Err != nil {
			t.Errorf("%s: %v", c.What, c.Err)
		}
	}); err != nil {
		t.Error(err)
	}
}

// A folder shows its images by the names that a bundle would.
func TestFamiliar(t *testing.T) {
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
		if err := errors.Join(u.Commit(t.Context(), blob.Digest(digest(layer))), r.PutManifest(t.Context(), tag, m)); err != nil {
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
	c := serve(t, &registry.Handler{Store: registry.Familiar(dir)})

	c.do("GET", "/v2/_catalog", "").want(t, 200, "").
		is(t, `{"repositories":["docker.io/hczjl/halo","hczjl/halo","plain","x"]}`+"\n")
	c.do("GET", "/v2/x/manifests/1", "").want(t, 200, "").is(t, string(x.Raw))
	c.do("GET", "/v2/x/blobs/"+digest("x"), "").want(t, 200, "").is(t, "x")
	c.do("GET", "/v2/hczjl/halo/manifests/1.6", "").want(t, 404, "MANIFEST_UNKNOWN") // of which there are two
	c.do("GET", "/v2/docker.io/hczjl/halo/manifests/1.6", "").want(t, 200, "").is(t, string(a.Raw))
	c.do("GET", "/v2/hczjl/halo/manifests/1.7", "").want(t, 200, "").is(t, string(b.Raw))
	c.do("GET", "/v2/hczjl/halo/manifests/1.8", "").want(t, 200, "").is(t, string(b.Raw))
	c.do("GET", "/v2/hczjl/halo/manifests/"+string(a.Digest), "").want(t, 200, "").is(t, string(a.Raw))
	c.do("GET", "/v2/hczjl/halo/tags/list", "").want(t, 200, "").is(t, `{"name":"hczjl/halo","tags":["1.7","1.8"]}`+"\n")
	c.do("PUT", "/v2/x/manifests/2", string(x.Raw)).want(t, 405, "UNSUPPORTED")
	names, err := registry.Familiar(dir).Repositories(t.Context())
	if diff := cmp.Diff([]string{"docker.io/hczjl/halo", "hczjl/halo", "plain", "r.example:5000/hczjl/halo", "x"}, names); diff != "" || err != nil {
		t.Error(err, diff)
	}
}
