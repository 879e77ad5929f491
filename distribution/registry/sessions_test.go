package registry_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/registry"
)

// holdSession sends a PATCH whose body does not end until the returned function is called.
func (c client) holdSession(path string) (finish func()) {
	c.t.Helper()
	body, send := io.Pipe()
	req, err := http.NewRequestWithContext(c.t.Context(), "PATCH", c.url+path, body)
	if err != nil {
		c.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err == nil {
			err = resp.Body.Close()
		}
		ended <- err
	}()
	io.WriteString(send, "x") // returns when it is sent
	return func() {
		send.Close()
		if err := <-ended; err != nil {
			c.t.Error(err)
		}
	}
}

// signalStore sends a value for each write of an upload.
type signalStore struct {
	registry.Store
	wrote chan struct{}
}

func (s signalStore) Repository(name string) registry.Repository {
	return signalRepository{s.Store.Repository(name), s.wrote}
}

type signalRepository struct {
	registry.Repository
	wrote chan struct{}
}

func (r signalRepository) NewUpload(ctx context.Context, a blob.Algorithm) (registry.Upload, error) {
	u, err := r.Repository.NewUpload(ctx, a)
	return signalUpload{u, r.wrote}, err
}

type signalUpload struct {
	registry.Upload
	wrote chan struct{}
}

func (u signalUpload) Write(p []byte) (int, error) {
	n, err := u.Upload.Write(p)
	u.wrote <- struct{}{}
	return n, err
}

// A session beyond the maximum drops the one that has been idle for longest, so that abandoned ones
// close the registry to nobody. One that a request uses is not dropped.
func TestMaxUploads(t *testing.T) {
	wrote := make(chan struct{}, 10)
	store := signalStore{&registry.Memory{}, wrote}
	c := serve(t, &registry.Handler{Store: store, MaxUploads: 2, MaxUploadsPerClient: 10})
	first, second := c.startUpload("a"), c.startUpload("a")
	c.do("PATCH", first, "x").want(t, 202, "")
	<-wrote
	third := c.startUpload("a")
	c.do("PATCH", second, "y").want(t, 404, "BLOB_UPLOAD_UNKNOWN")
	finish := []func(){c.holdSession(first), c.holdSession(third)}
	<-wrote
	<-wrote
	c.do("POST", "/v2/a/blobs/uploads/", "").want(t, 429, "TOOMANYREQUESTS")
	for _, f := range finish {
		f()
	}
	c.do("PUT", c.startUpload("a")+"?digest="+digest("z"), "z").want(t, 201, "")
}

// A client at its share drops a session of its own, never one of another client.
func TestMaxUploadsPerClient(t *testing.T) {
	check := func(context.Context, string, string) bool { return true }
	h := &registry.Handler{MaxUploads: 8}
	c := serve(t, &registry.Basic{Handler: h, Check: check})
	start := func(user string) string {
		return c.do("POST", "/v2/a/blobs/uploads/", "", user).want(t, 202, "").path()
	}
	const alice, mallory = "Authorization: Basic YWxpY2U6eA==", "Authorization: Basic bWFsbG9yeTp4"
	first := start(alice)
	var flood []string
	for range 20 {
		flood = append(flood, start(mallory))
	}
	c.do("GET", first, "", alice).want(t, 204, "")
	c.do("GET", flood[17], "", alice).want(t, 404, "BLOB_UPLOAD_UNKNOWN")
	c.do("GET", flood[18], "", alice).want(t, 204, "")
}

// Without checked users the client is its address, whatever user name it sends.
func TestMaxUploadsPerAddress(t *testing.T) {
	h := &registry.Handler{MaxUploads: 8}
	start := func(address, user string) *http.Request {
		req, _ := http.NewRequest("POST", "/v2/a/blobs/uploads/", nil)
		req.RemoteAddr = address
		req.SetBasicAuth(user, "x")
		return req
	}
	status := func(req *http.Request) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		return w.Code, w.Header().Get("Location")
	}
	_, first := status(start("192.0.2.1:1000", "alice"))
	_, sixth := status(start("[2001:db8::1]:1000", "alice"))
	for i := range 5 {
		status(start("192.0.2.2:"+strings.Repeat("1", i+1), strings.Repeat("u", i+1)))
	}
	for i, host := range []string{"2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"} {
		status(start("["+host+"]:1", strings.Repeat("u", i+1)))
	}
	for location, want := range map[string]int{first: 204, sixth: 404} {
		req, _ := http.NewRequest("GET", location, nil)
		if got, _ := status(req); got != want {
			t.Errorf("got %d, want %d", got, want)
		}
	}
}

// Sessions between two requests hold no open files.
func TestIdleSessionsHoldNoFiles(t *testing.T) {
	const descriptors = "/proc/self/fd"
	if _, err := os.ReadDir(descriptors); err != nil {
		t.Skip(err)
	}
	path := t.TempDir()
	c := serve(t, &registry.Handler{Store: onDisk(t, path)})
	openTemp := func() int {
		entries, err := os.ReadDir(descriptors)
		if err != nil {
			t.Fatal(err)
		}
		return len(slices.DeleteFunc(entries, func(e os.DirEntry) bool {
			target, _ := os.Readlink(descriptors + "/" + e.Name())
			info, err := os.Stat(target)
			isFolder := err == nil && info.IsDir() // a layout keeps some open, however many sessions there are
			return !strings.HasPrefix(target, path) || isFolder
		}))
	}
	var all []string
	for range 20 {
		s := c.startUpload("a")
		c.do("PATCH", s, "lay").want(t, 202, "")
		all = append(all, s)
	}
	if n := openTemp(); n > 1 { // the one that owns them all
		t.Errorf("%d files are open", n)
	}
	for _, s := range all[1:] {
		c.do("DELETE", s, "").want(t, 204, "")
	}
	c.do("PUT", all[0]+"?digest="+digest("layer"), "er").want(t, 201, "")
	if n := openTemp(); n != 0 {
		t.Errorf("%d files are open at the end", n)
	}
	checkNoTempFiles(t, path)
}
