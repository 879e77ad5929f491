package registry

import (
	"net/http"

	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/reference"
)

// ShortNamed is a Store that also finds repositories under names that are not their own, as
// [ShortNames] does.
type ShortNamed interface {
	Store
	// Exact returns the repository that is called name in the store. If docker.io/hczjl/halo is also
	// found as hczjl/halo, it is only the former.
	Exact(name string) Repository
}

// pulled returns the repository that a pull reads. A client that has the registry for a mirror names
// the host of the image's name in the parameter ns (distribution-spec, "Registry Proxying"). It gets
// the repository of that host, or else one without a host that is called the path itself. Another
// host's repository with that path has other images.
func (h *Handler) pulled(w http.ResponseWriter, r *http.Request, at endpoint.Path) (Repository, error) {
	ns := r.URL.Query().Get("ns")
	if ns == "" || ns == r.Host { // a proxy's ns differs from the Host header
		return h.repository(at.Repository), nil
	}
	name := ns + "/" + at.Repository
	source, err := reference.ParseRepository(name)
	if err != nil {
		return nil, badRequest(codeNameInvalid, "ns="+quote(ns)+" is no host")
	}
	if source.Domain == ns {
		name = source.Name() // docker.io/halo is docker.io/library/halo
	}
	w.Header().Set("OCI-Namespace", ns)
	both := []Repository{exact(h.store(), name), exact(h.store(), at.Repository)}
	return readOnlyUnion{merged{name: name, all: both}, readOnly{name}}, nil
}

// exact returns the repository that is called name in a store.
func exact(s Store, name string) Repository {
	if named, ok := s.(ShortNamed); ok {
		return named.Exact(name)
	}
	return s.Repository(name)
}
