package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// largeImage returns an image with a layer of 9 MiB between small ones.
func largeImage() fixture.Image {
	return fixture.Synthetic(fixture.Spec{Seed: 31, Layers: []int64{1000, 9 << 20, 2000}})
}

func largestBlob(im fixture.Image) fixture.Blob {
	most := im.Blobs[0]
	for _, b := range im.Blobs {
		if b.Size > most.Size {
			most = b
		}
	}
	return most
}

// Uploads are split to fit a proxy's limit for request bodies, and the user is told.
func TestProxyBodyLimit(t *testing.T) {
	t.Parallel()
	certs := servers.NewCertificates(t)
	for name, o := range map[string]servers.ProxyOptions{
		"plain":  {MaxBody: "1m"},
		"TLS":    {MaxBody: "1m", TLS: certs},
		"HTTP/2": {MaxBody: "1m", TLS: certs, HTTP2: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			im := largeImage()
			source := push(t, servers.CNCF(t, servers.Options{}), im, "src/repo", "1.6")
			proxy := servers.Nginx(t, servers.Debian(t, servers.Options{}), o)
			transship, _ := servers.Transship(t)
			got := runCopy(t, transship, im, source, proxy.Host+"/dst/repo:1.6", "--dst-ca", certs.CAFile)
			verify(t, proxy, im, "dst/repo", "1.6")
			if n := strings.Count(got.Stderr, "(413)"); n < 1 || n > 3 {
				t.Errorf("it said:\n%s", got.Stderr)
			}
			if n := countCalls(proxy.Calls(t))["PATCH upload ok"]; n < 9 || n > 18 {
				t.Errorf("%d chunks for 9 MiB through a limit of 1 MiB:\n%s", n, proxy.Calls(t))
			}
		})
	}
}

// A limit too small for chunks is an error that names the proxy's setting.
func TestProxyBodyLimitTooSmall(t *testing.T) {
	t.Parallel()
	source := push(t, servers.CNCF(t, servers.Options{}), largeImage(), "src/repo", "1.6")
	proxy := servers.Nginx(t, servers.Debian(t, servers.Options{}), servers.ProxyOptions{MaxBody: "10k"})
	transship, _ := servers.Transship(t)
	got := transship.Run(t, "copy", "--quiet", source, proxy.Host+"/dst/repo:1.6")
	if got.Exit != exitFailed || !strings.Contains(got.Stderr, "413") ||
		!strings.Contains(got.Stderr, "client_max_body_size") {
		t.Errorf("%+v", got)
	}
	wantAbsent(t, proxy, "dst/repo", "1.6")
}

// Chunks have the size of --chunk-size, and the bytes are the same.
func TestChunkSize(t *testing.T) {
	t.Parallel()
	for name, start := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			im := largeImage()
			from, to := servers.CNCF(t, servers.Options{}), start(t, servers.Options{})
			source := push(t, from, im, "src/repo", "1.6")
			transship, _ := servers.Transship(t)
			runCopy(t, transship, im, "--chunk-size=2MiB", source, to.Host+"/dst/repo:1.6")
			verify(t, to, im, "dst/repo", "1.6")
			if n := countCalls(to.Calls(t))["PATCH upload ok"]; n != 5 {
				t.Errorf("%d chunks of 2 MiB for 9 MiB", n)
			}
		})
	}
}

// An interrupted download resumes with Range at its offset, and no byte is fetched twice.
func TestDownloadResumes(t *testing.T) {
	t.Parallel()
	for name, start := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			im := largeImage()
			from, to := start(t, servers.Options{}), servers.CNCF(t, servers.Options{})
			push(t, from, im, "src/repo", "1.6")
			shaky := startRelay(t, from.Host, relayOptions{cutAfter: 4 << 20, cuts: 2})
			transship, _ := servers.Transship(t)
			runCopy(t, transship, im, shaky.host+"/src/repo:1.6", to.Host+"/dst/repo:1.6")
			verify(t, to, im, "dst/repo", "1.6")

			var statuses []string
			for _, c := range from.Calls(t).With("GET", "/blobs/"+largestBlob(im).Digest.String()) {
				statuses = append(statuses, fmt.Sprint(c.Status))
			}
			if got := strings.Join(statuses, " "); got != "200 206 206" {
				t.Errorf("the layer was fetched with %s, want 200 206 206", got)
			}
			// Only bytes in transit on the cut connections are lost.
			if got, most := shaky.received.Load(), largestBlob(im).Size+(6<<20); got > most {
				t.Errorf("%d bytes came from the source, want at most %d", got, most)
			}
			if n := countCalls(to.Calls(t))["PUT upload ok"]; n != len(im.Blobs) {
				t.Errorf("%d uploads, want one for each of %d blobs", n, len(im.Blobs))
			}
		})
	}
}

// An interrupted upload resumes at the registry's offset.
func TestUploadResumes(t *testing.T) {
	t.Parallel()
	im := largeImage()
	from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	source := push(t, from, im, "src/repo", "1.6")
	shaky := startRelay(t, to.Host, relayOptions{cutSent: 4 << 20, cuts: 2})
	transship, _ := servers.Transship(t)
	runCopy(t, transship, im, "--chunk-size=1MiB", source, shaky.host+"/dst/repo:1.6")
	verify(t, to, im, "dst/repo", "1.6")
	if got, most := shaky.sent.Load(), largestBlob(im).Size+(6<<20); got > most {
		t.Errorf("%d bytes went to the target, want at most %d", got, most)
	}
}
