package registry_test

import (
	"context"
	"net/http"
	"os"
	"syscall"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// fullStore is a store whose disk is full.
type fullStore struct {
	registry.Store
	cancelled *int
}

func (f fullStore) Repository(name string) registry.Repository {
	return fullRepository{f.Store.Repository(name), f}
}

type fullRepository struct {
	registry.Repository
	fullStore
}

var errFull = &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}

func (r fullRepository) PutManifest(context.Context, string, manifest.Manifest) error { return errFull }

func (r fullRepository) NewUpload(ctx context.Context, a blob.Algorithm) (registry.Upload, error) {
	u, err := r.Repository.NewUpload(ctx, a)
	return fullUpload{u, r.cancelled}, err
}

type fullUpload struct {
	registry.Upload
	cancelled *int
}

func (fullUpload) Write(p []byte) (int, error) { return 0, errFull }

func (u fullUpload) Cancel() error { *u.cancelled++; return u.Upload.Cancel() }

// A full disk is reported to the client and to the operator, and ends the upload and all idle ones.
func TestFullDiskEndsUploads(t *testing.T) {
	cancelled, reported := 0, 0
	h := &registry.Handler{Store: fullStore{&registry.Memory{}, &cancelled}}
	h.OnError = func(*http.Request, error) { reported++ }
	c := serve(t, h)
	c.do("POST", "/v2/x/blobs/uploads/?digest="+digest("x"), "x").want(t, 507, "UNKNOWN")
	for i, method := range []string{"PATCH", "PUT"} {
		idle := c.do("POST", "/v2/x/blobs/uploads/", "").want(t, 202, "").path()
		session := c.do("POST", "/v2/x/blobs/uploads/", "").want(t, 202, "").path()
		c.do(method, session+"?digest="+digest("x"), "x").want(t, 507, "UNKNOWN")
		for _, ended := range []string{session, idle} {
			c.do("GET", ended, "").want(t, 404, "BLOB_UPLOAD_UNKNOWN")
		}
		if want := 1 + 2*(i+1); cancelled != want {
			t.Errorf("%d uploads were cancelled, want %d", cancelled, want)
		}
	}
	c.do("PUT", "/v2/x/manifests/1", imageOf("x")).want(t, 507, "UNKNOWN")
	if reported != 4 {
		t.Errorf("OnError got %d errors, want 4", reported)
	}
}
