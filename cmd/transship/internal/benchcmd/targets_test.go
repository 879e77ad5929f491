package benchcmd

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/manifest"
)

func TestParseTargets(t *testing.T) {
	c := newCommand(bench.Copy)
	got, err := c.parseTargets([]string{"docker://localhost:5000/a", "hczjl/b"})
	want := []string{"localhost:5000/a", "hczjl/b"}
	if err != nil || !slices.Equal(got.names, want) || got.refs[1].Host() != "registry-1.docker.io" {
		t.Errorf("got %v, error %v", got.names, err)
	}
	for _, test := range []struct {
		kind  bench.Kind
		http2 bool
		args  []string
		want  string
	}{
		{bench.Push, false, []string{"localhost:5000/a:tag"}, "invalid reference"},
		{bench.Copy, false, []string{"h:1/a", "h:1/a"}, "h:1/a is named twice"},
		{bench.Mount, false, []string{"h:1/a", "h:2/b"}, "mounts are between repositories of one registry"},
		{bench.Push, true, nil, "speaks HTTP/1.1 only"},
	} {
		c := newCommand(test.kind)
		c.http2 = test.http2
		_, err := c.parseTargets(test.args)
		if !cli.Has[*cli.UsageError](err) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %v: got error %v, want %s", test.kind, test.args, err, test.want)
		}
	}
}

// What the arguments leave out is an embedded registry, or for mounts a second repository.
func TestAddDefaults(t *testing.T) {
	for _, test := range []struct {
		kind bench.Kind
		args []string
		want []string
	}{
		{bench.Push, nil, []string{"an embedded registry"}},
		{bench.Push, []string{"h:1/a"}, []string{"h:1/a"}},
		{bench.Copy, nil, []string{"an embedded registry", "an embedded registry"}},
		{bench.Copy, []string{"h:1/a"}, []string{"h:1/a", "an embedded registry"}},
		{bench.Mount, []string{"h:1/a"}, []string{"h:1/a", "h:1/a-mounted"}},
		{bench.Mount, nil, []string{"an embedded registry", "an embedded registry-mounted"}},
	} {
		c := newCommand(test.kind)
		targets, err := c.parseTargets(test.args)
		if err != nil {
			t.Fatal(err)
		}
		defer targets.close()
		err = c.addDefaults(targets)
		if err != nil || !slices.Equal(targets.names, test.want) || len(targets.refs) != len(test.want) {
			t.Errorf("%s %v: got %v, error %v", test.kind, test.args, targets.names, err)
		}
	}
}

func TestEmbeddedRegistryStopsWithItsTargets(t *testing.T) {
	targets := &targets{}
	if err := targets.embed("x"); err != nil {
		t.Fatal(err)
	}
	url := "http://" + targets.refs[0].Domain + "/v2/"
	resp, err := http.Get(url)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("got %v, error %v", resp, err)
	}
	resp.Body.Close()
	targets.close()
	if resp, err := http.Get(url); err == nil {
		resp.Body.Close()
		t.Errorf("after close it answers %s", resp.Status)
	}
}

func TestImageStoreWithoutAnImage(t *testing.T) {
	_, err := new(imageStore).open(t.Context(), manifest.Descriptor{Digest: "sha256:0"}, 0)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v", err)
	}
}

func TestPageIsCompleteOrNotThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "page.html")
	names := func() []string {
		found, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}

	discarded, err := openPage(path)
	if err != nil {
		t.Fatal(err)
	}
	discarded.discard()
	if len(names()) != 0 {
		t.Errorf("discard leaves %v", names())
	}

	written, err := openPage(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := written.write(new(bench.Report).HTML); err != nil {
		t.Fatal(err)
	}
	written.discard()
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasSuffix(string(text), "</html>\n") || len(names()) != 1 {
		t.Errorf("the folder has %v, error %v, page %s", names(), err, text)
	}
}

func TestPageInAMissingFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "page.html")
	if _, err := openPage(path); err == nil || !strings.Contains(err.Error(), path+": ") {
		t.Errorf("got error %v", err)
	}
	page, err := openPage("")
	if err != nil || page.write(new(bench.Report).HTML) != nil {
		t.Errorf("without --html: %v, error %v", page, err)
	}
	page.discard()
}
