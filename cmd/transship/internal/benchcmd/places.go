package benchcmd

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/cmd/transship/internal/synthetic"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// benchPlaces are the repositories of a benchmark, and the registries inside the program that it has for itself.
type benchPlaces struct {
	refs   []reference.Reference // TARGET and SECOND
	names  []string              // as people call them
	images imageStore
	stop   []func()
}

// imageStore has the content of what is pushed to the embedded registries: the image of the turn, one at a time.
type imageStore struct {
	image atomic.Pointer[synthetic.Image]
}

// open is registry.Memory's Elsewhere.
func (s *imageStore) open(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	im := s.image.Load()
	if im == nil {
		return nil, fmt.Errorf("blob %s: %w", d.Digest, fs.ErrNotExist)
	}
	return im.Blob(ctx, d, offset)
}

// embed starts a registry on loopback that keeps no bytes of blobs, and adds it to the places.
func (p *benchPlaces) embed(name string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	handler := &registry.Handler{Store: &registry.Memory{Elsewhere: p.images.open}}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	p.stop = append(p.stop, func() { server.Close() })
	p.refs = append(p.refs, reference.Reference{Domain: listener.Addr().String(), Path: "transship/bench"})
	p.names = append(p.names, name)
	return nil
}

func (p *benchPlaces) close() {
	for _, stop := range p.stop {
		stop()
	}
}

// places finds out which repositories the arguments mean.
func (c *benchCommand) places(args []string) (*benchPlaces, error) {
	p := &benchPlaces{}
	for _, arg := range args {
		ref, err := reference.ParseRepository(strings.TrimPrefix(arg, image.TransportDocker))
		if err != nil {
			return nil, &cli.UsageError{Message: err.Error(), Advice: "TARGET is a repository, such as localhost:5000/bench; a benchmark makes its own tags"}
		}
		p.refs, p.names = append(p.refs, ref), append(p.names, ref.FamiliarName())
	}
	if len(p.refs) == 2 && p.refs[0] == p.refs[1] {
		return nil, &cli.UsageError{Message: fmt.Sprintf("%s is named twice", args[0]), Advice: "between one repository and itself nothing moves"}
	}
	if c.kind == bench.Mount && len(p.refs) == 2 && p.refs[0].Host() != p.refs[1].Host() {
		return nil, &cli.UsageError{Message: "mounts are between repositories of one registry", Advice: "give TARGET and SECOND the same host, or leave out SECOND"}
	}
	if len(p.refs) == 0 && c.http2 {
		return nil, &cli.UsageError{Message: "the registry inside the program speaks HTTP/1.1 only", Advice: "leave out --http2, or name a TARGET with TLS"}
	}
	return p, nil
}

// complete adds the embedded registries, and the second repository of mounts.
func (c *benchCommand) complete(p *benchPlaces) error {
	if len(p.refs) == 0 {
		if err := p.embed("an embedded registry"); err != nil {
			return err
		}
	}
	switch {
	case c.kind == bench.Copy && len(p.refs) == 1:
		return p.embed("an embedded registry")
	case c.kind == bench.Mount && len(p.refs) == 1:
		second := p.refs[0]
		second.Path += "-mounted"
		p.refs, p.names = append(p.refs, second), append(p.names, p.names[0]+"-mounted")
	}
	return nil
}

// open returns how a cell sees one of the places.
func (c *benchCommand) open(r *run.Run, ref reference.Reference) bench.Open {
	return func(ctx context.Context, cell bench.Cell) (*distribution.Repository, error) {
		at := c.side.BindHost(ref.Host())
		at.HTTP1, at.HTTP2 = cell.HTTP == "1", cell.HTTP == "2"
		at.Unlimited, at.Buffer = cell.Jobs > 0, cell.Buffer
		if !at.Unlimited {
			r.ResetCongestion() // a turn begins as a command does
		}
		repo, err := at.Repository(ctx, ref, auth.Pull, auth.Push, auth.Delete)
		if err != nil {
			return nil, err
		}
		repo.ChunkSize, repo.Patch = cell.Upload.Chunk, cell.Upload.Patch
		return repo, nil
	}
}

// checkHTTP2 refuses a registry that speaks no HTTP/2 where that is to be measured.
func checkHTTP2(ctx context.Context, open bench.Open, c bench.Cell) error {
	repo, err := open(ctx, c)
	if err != nil {
		return err
	}
	scheme := "https://"
	if repo.Client.PlainHTTP {
		scheme = "http://"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+repo.Client.Host+"/v2/", nil)
	if err != nil {
		return err
	}
	resp, err := repo.Client.HTTP.Do(req)
	if err != nil {
		return &distribution.RequestError{Method: req.Method, URL: req.URL.String(), Err: err}
	}
	resp.Body.Close()
	if resp.ProtoMajor != 2 {
		return &cli.UsageError{Message: fmt.Sprintf("%s answers in %s", repo.Client.Host, resp.Proto), Advice: "leave out --http2: it needs TLS and a registry that speaks it"}
	}
	return nil
}
