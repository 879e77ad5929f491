package benchcmd

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// targets are the repositories of a benchmark, and the embedded registries that serve some of them.
type targets struct {
	refs   []reference.Reference // TARGET and SECOND
	names  []string              // of refs, in messages
	given  int                   // how many of them are arguments
	images imageStore
	stop   []func()
}

// imageStore is where the embedded registries read blobs from: the synthetic image of the current
// turn, or the images of a mix.
type imageStore struct {
	read atomic.Pointer[openBlob]
}

// openBlob opens a blob at an offset in bytes.
type openBlob func(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error)

// set sets what blobs are read from.
func (s *imageStore) set(read openBlob) { s.read.Store(&read) }

// open is registry.Memory's OpenBlob.
func (s *imageStore) open(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	read := s.read.Load()
	if read == nil {
		return nil, fmt.Errorf("blob %s: %w", d.Digest, fs.ErrNotExist)
	}
	return (*read)(ctx, d, offset)
}

// embed starts a registry on loopback that keeps no blobs, and adds a repository of it.
func (t *targets) embed(name string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	handler := &registry.Handler{Store: &registry.Memory{OpenBlob: t.images.open}}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	t.stop = append(t.stop, func() { server.Close() })
	t.add(reference.Reference{Domain: listener.Addr().String(), Path: "transship/bench"}, name)
	return nil
}

func (t *targets) add(ref reference.Reference, name string) {
	t.refs, t.names = append(t.refs, ref), append(t.names, name)
}

func (t *targets) close() {
	for _, stop := range t.stop {
		stop()
	}
}

// parseTargets parses the arguments.
func (c *benchCommand) parseTargets(args []string) (*targets, error) {
	t := &targets{}
	for _, arg := range args {
		ref, err := cli.ParseRepository(arg)
		if err != nil {
			return nil, &cli.UsageError{
				Message: err.Error(),
				Advice:  "TARGET is a repository, such as localhost:5000/bench; a benchmark makes its own tags",
			}
		}
		t.add(ref, ref.FamiliarName())
	}
	t.given = len(t.refs)
	switch two := len(t.refs) == 2; {
	case two && t.refs[0] == t.refs[1]:
		return nil, &cli.UsageError{
			Message: fmt.Sprintf("%s is named twice", args[0]),
			Advice:  "a copy within one repository moves nothing",
		}
	case two && c.kind == bench.Mount && t.refs[0].Host() != t.refs[1].Host():
		return nil, &cli.UsageError{
			Message: "mounts are between repositories of one registry",
			Advice:  "give TARGET and SECOND the same host, or leave out SECOND",
		}
	case len(t.refs) == 0 && c.http2:
		return nil, &cli.UsageError{
			Message: "the registry inside the program speaks HTTP/1.1 only",
			Advice:  "leave out --http2, or name a TARGET with TLS",
		}
	}
	return t, nil
}

// addDefaults adds the targets that the arguments leave out: embedded registries, and for mounts a
// second repository.
func (c *benchCommand) addDefaults(t *targets) error {
	if len(t.refs) == 0 {
		if err := t.embed("an embedded registry"); err != nil {
			return err
		}
	}
	switch {
	case c.kind == bench.Copy && len(t.refs) == 1:
		return t.embed("an embedded registry")
	case c.kind == bench.Mount && len(t.refs) == 1:
		second := t.refs[0]
		second.Path += "-mounted"
		t.add(second, t.names[0]+"-mounted")
	}
	return nil
}

// open returns a function that opens a target with the settings of a cell.
func (c *benchCommand) open(r *run.Run, ref reference.Reference) bench.Open {
	return func(ctx context.Context, cell bench.Cell) (*distribution.Repository, error) {
		at := c.registry.BindHost(ref.Host())
		at.HTTP1, at.HTTP2 = cell.HTTP == "1", cell.HTTP == "2"
		at.Unlimited, at.Buffer = cell.Jobs > 0, cell.Buffer
		if !at.Unlimited {
			r.ResetCongestion() // each turn starts as a command does
		}
		repo, err := at.Repository(ctx, ref, auth.Pull, auth.Push, auth.Delete)
		if err != nil {
			return nil, err
		}
		repo.ChunkSize, repo.AlwaysPatch = cell.Upload.Chunk, cell.Upload.Patch
		return repo, nil
	}
}

// checkHTTP2 refuses a registry that does not answer over HTTP/2.
func checkHTTP2(ctx context.Context, open bench.Open) error {
	repo, err := open(ctx, bench.Cell{Jobs: 1, HTTP: "2"})
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
		return &cli.UsageError{
			Message: fmt.Sprintf("%s answers in %s", repo.Client.Host, resp.Proto),
			Advice:  "leave out --http2: it needs TLS and a registry that speaks it",
		}
	}
	return nil
}
