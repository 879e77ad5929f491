package liststore_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/hczjl/transship/blob"
)

// registry implements those endpoints that "docker manifest" uses: GET of manifests and configs,
// mounts that always succeed, and PUT of manifests.
type registry struct {
	content map[string]document // by URL path

	mu     sync.Mutex
	pushed map[string]document // by URL path
}

type document struct{ mediaType, text string }

func newRegistry(images map[string]image) *registry {
	r := &registry{content: map[string]document{}, pushed: map[string]document{}}
	for _, im := range images {
		name, tag, _ := strings.Cut(strings.TrimPrefix(im.ref, host+"/"), ":")
		for _, ref := range []string{tag, im.digest().String()} {
			r.content["/v2/"+name+"/manifests/"+ref] = document{im.mediaType, im.manifest}
		}
		config := blob.FromBytes([]byte(im.config)).String()
		r.content["/v2/"+name+"/blobs/"+config] = document{"application/octet-stream", im.config}
	}
	return r
}

func (r *registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	switch {
	case req.URL.Path == "/v2/":
	case req.Method == http.MethodHead: // of a blob, after its mount
		w.Header().Set("Content-Length", "1")
	case req.Method == http.MethodPost:
		w.Header().Set("Docker-Content-Digest", req.URL.Query().Get("mount"))
		w.Header().Set("Location", "/v2/"+req.URL.Query().Get("from")+"/blobs/"+req.URL.Query().Get("mount"))
		w.WriteHeader(http.StatusCreated)
	case req.Method == http.MethodPut:
		r.put(w, req)
	default:
		r.get(w, req)
	}
}

func (r *registry) put(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.pushed[req.URL.Path] = document{req.Header.Get("Content-Type"), string(body)}
	r.mu.Unlock()
	w.Header().Set("Docker-Content-Digest", blob.FromBytes(body).String())
	w.WriteHeader(http.StatusCreated)
}

func (r *registry) get(w http.ResponseWriter, req *http.Request) {
	found, ok := r.content[req.URL.Path]
	if !ok {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"errors":[{"code":"MANIFEST_UNKNOWN"}]}`)
		return
	}
	w.Header().Set("Content-Type", found.mediaType)
	w.Header().Set("Docker-Content-Digest", blob.FromBytes([]byte(found.text)).String())
	w.Header().Set("Content-Length", fmt.Sprint(len(found.text)))
	fmt.Fprint(w, found.text)
}

// tag returns the manifest that was pushed with a tag.
func (r *registry) tag(ref string) document {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pushed[manifestPath(ref)]
}

// manifestPath returns the URL path of a tag or digest.
func manifestPath(ref string) string {
	name, identifier, _ := strings.Cut(strings.TrimPrefix(ref, host+"/"), ":")
	return "/v2/" + name + "/manifests/" + identifier
}

// serve starts the registry and returns the URL of an HTTP proxy that connects every host to it. So
// the images' host, and the files docker writes, are the same on every machine.
func (r *registry) serve(t testing.TB) string {
	t.Helper()
	server := httptest.NewTLSServer(r)
	t.Cleanup(server.Close)
	proxy := httptest.NewServer(tunnel(server.Listener.Addr().String()))
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// tunnel is a proxy that answers every CONNECT with a connection to address.
func tunnel(address string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		out, err := net.Dial("tcp", address)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer out.Close()
		in, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer in.Close()
		fmt.Fprint(in, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() {
			io.Copy(out, in)
			out.Close()
		}()
		io.Copy(in, out)
	}
}
