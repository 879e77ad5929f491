package e2e

import (
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// copyCase is an image to copy with flags, and what the target must have then; im itself if want is
// empty.
type copyCase struct {
	im    fixture.Image
	flags []string
	want  fixture.Image
}

func copyCases(t *testing.T) map[string]copyCase {
	docker, oci := fixture.Real(), fixture.Real().OCI()
	of := func(platforms ...string) func(v1.Descriptor) bool { return ofPlatforms(oci, platforms...) }
	single := docker.Only("linux/arm/v7")
	return map[string]copyCase{
		"docker list":       {im: docker},
		"OCI, attestations": {im: oci},
		"nested":            {im: nestedIndex(t, oci, docker, oci.Only("linux/arm64"))},
		"single":            {im: single},
		"single OCI":        {im: oci.Only("linux/amd64")},
		"SHA-512":           {im: withSHA512(t, oci.Only("linux/amd64"))},
		"foreign layer":     {im: withForeignLayer(t, docker.Only("linux/amd64"))},
		"shared layers":     {im: sharedLayersImage()},
		"one platform of several": {
			im:    docker,
			flags: []string{"--platform", "linux/arm64/v8"},
			want:  keepEntries(t, docker, ofPlatforms(docker, "linux/arm64")),
		},
		"two platforms": {
			im:    docker,
			flags: []string{"--platform", "linux/arm64,linux/amd64"},
			want:  keepEntries(t, docker, ofPlatforms(docker, "linux/amd64", "linux/arm64")),
		},
		"two platforms, attestations": {
			im:    oci,
			flags: []string{"--platform", "linux/amd64", "--platform", "linux/arm/v7"},
			want:  keepEntries(t, oci, of("linux/amd64", "linux/arm/v7")),
		},
		"every platform": {
			im:    docker,
			flags: []string{"--platform", "linux/arm64,linux/amd64,linux/arm/v7"},
		},
		"flattened": {
			im:    oci,
			flags: []string{"--platform=linux/arm/v7", "--flatten"},
			want:  oci.Only("linux/arm/v7"),
		},
		"single, its platform": {im: single, flags: []string{"--platform", "linux/arm"}},
	}
}

// ofPlatforms returns a filter for the entries of platforms and their attestations.
func ofPlatforms(im fixture.Image, platforms ...string) func(v1.Descriptor) bool {
	wanted := map[string]bool{}
	for _, p := range platforms {
		wanted[im.Only(p).Root().Digest.String()] = true
	}
	return func(d v1.Descriptor) bool {
		return wanted[d.Digest.String()] || wanted[d.Annotations["vnd.docker.reference.digest"]]
	}
}

// A copy keeps every digest and byte, for all kinds of images, between both generations of
// registries.
func TestCopyKeepsEveryByte(t *testing.T) {
	t.Parallel()
	o := servers.Options{ForeignLayers: true}
	for name, pair := range map[string][2]*servers.Registry{
		"3 to 2.8": {servers.CNCF(t, o), servers.Debian(t, o)},
		"2.8 to 3": {servers.Debian(t, o), servers.CNCF(t, o)},
	} {
		for test, c := range copyCases(t) {
			t.Run(name+"/"+test, func(t *testing.T) {
				t.Parallel()
				transship, _ := servers.Transship(t)
				repository := strings.Trim(strings.Map(repositoryRune, strings.ToLower(test)), "-")
				from := push(t, pair[0], c.im, repository, "1.6")
				if len(c.want.Manifests) == 0 {
					c.want = c.im
				}
				runCopy(t, transship, c.want, append(c.flags, from, pair[1].Host+"/"+repository+":1.6")...)
				verify(t, pair[1], c.want, repository, "1.6")
				wantDropped(t, pair[1], c, repository)

				// Under another tag all content is present already; in another repository it can be
				// mounted.
				runCopy(t, transship, c.want, append(c.flags, from, pair[1].Host+"/"+repository+":again")...)
				verify(t, pair[1], c.want, repository, "again")
				runCopy(t, transship, c.want, pair[1].Host+"/"+repository+":1.6",
					pair[1].Host+"/mirror/"+repository+":1.6")
				verify(t, pair[1], c.want, "mirror/"+repository, "1.6")
			})
		}
	}
}

// repositoryRune maps a rune of a test's name to one that a repository's name may have.
func repositoryRune(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
		return r
	}
	return '-'
}

// wantDropped checks that manifests which were filtered out are not at the target.
func wantDropped(t *testing.T, at *servers.Registry, c copyCase, repository string) {
	t.Helper()
	wanted := map[string]bool{}
	for _, m := range c.want.Manifests {
		wanted[m.Digest.String()] = true
	}
	for _, m := range c.im.Manifests {
		if !wanted[m.Digest.String()] {
			wantAbsent(t, at, repository, m.Digest.String())
		}
	}
}

// The digest of a target must be the image's.
func TestCopyToDigest(t *testing.T) {
	t.Parallel()
	from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	im := fixture.Real()
	source := push(t, from, im, "src/repo", "1.6")
	transship, _ := servers.Transship(t)
	d := im.Root().Digest.String()
	runCopy(t, transship, im, source+"@"+d, to.Host+"/dst/repo@"+d)
	verify(t, to, im, "dst/repo", d)
	other := digest.FromString("another image").String()
	wantRefused(t, transship.Run(t, "copy", source, to.Host+"/dst/repo@"+other), exitIntegrity, to.Host+"/dst/repo", d)
	wantAbsent(t, to, "dst/repo", other)
}

// A missing platform or image is refused before anything is written.
func TestMissingPlatform(t *testing.T) {
	t.Parallel()
	from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	list := push(t, from, fixture.Real(), "src/repo", "1.6")
	single := push(t, from, fixture.Real().Only("linux/amd64"), "src/repo", "amd64")
	transship, _ := servers.Transship(t)
	to.ForgetCalls(t)
	target := to.Host + "/dst/repo:1.6"
	wantRefused(t, transship.Run(t, "copy", "--platform", "linux/s390x", list, target), exitNotFound,
		"linux/s390x", "linux/amd64", "linux/arm/v7", "linux/arm64")
	wantRefused(t, transship.Run(t, "copy", "--platform", "linux/arm64", single, target), exitNotFound,
		"linux/arm64", "linux/amd64")
	wantRefused(t, transship.Run(t, "copy", "--platform", "linux/amd64", from.Host+"/src/repo:none",
		target), exitNotFound,
		"src/repo", "none", "hint: ")
	if calls := to.Calls(t); len(calls) != len(calls.With("HEAD", "/manifests/1.6")) {
		t.Errorf("the target was asked for more than its tag:\n%s", calls)
	}
}
