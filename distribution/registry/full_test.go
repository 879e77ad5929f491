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

// full is a store on a disk without room.
type full struct {
	registry.Store
	cancelled *int
}

func (f full) Repository(name string) registry.Repository {
	return fullRepository{f.Store.Repository(name), f}
}

type fullRepository struct {
	registry.Repository
	full
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

// A full disk is told to the client and to the operator, and nothing of the upload is kept.
func TestFullDisk(t *testing.T) {
	cancelled, told := 0, 0
	h := &registry.Handler{Store: full{&registry.Memory{}, &cancelled}}
	h.OnError = func(*http.Request, error) { told++ }
	c := serve(t, h)
	c.do("POST", "/v2/x/blobs/uploads/?digest="+digest("x"), "x").want(t, 507, "UNKNOWN")
	for i, method := range []string{"PATCH", "PUT"} {
		resting := c.do("POST", "/v2/x/blobs/uploads/", "").want(t, 202, "").path()
		session := c.do("POST", "/v2/x/blobs/uploads/", "").want(t, 202, "").path()
		c.do(method, session+"?digest="+digest("x"), "x").want(t, 507, "UNKNOWN")
		for _, gone := range []string{session, resting} {
			c.do("GET", gone, "").want(t, 404, "BLOB_UPLOAD_UNKNOWN")
		}
		if want := 1 + 2*(i+1); cancelled != want {
			t.Errorf("%d uploads were cancelled, want %d", cancelled, want)
		}
	}
	c.do("PUT", "/v2/x/manifests/1", imageOf("x")).want(t, 507, "UNKNOWN")
	if told != 4 {
		t.Errorf("told of %d errors, want 4", told)
	}
}
