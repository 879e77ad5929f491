package e2e

import (
	"os"
	"regexp"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

var (
	// usageLine matches a command line of docs/usage.md, without what stands beside it.
	usageLine = regexp.MustCompile(`(?m)^    (?:\$ )?(transship .*?)(?:\s{2,}.*|\s+#.*)?$`)
	// usageList matches the list of images of the page.
	usageList = regexp.MustCompile(`(?ms)^    \$ cat images.txt\n(.*?)^    \$ `)
	// notRunOfUsage matches lines that do not end, ask for a password, name no command, exit with 1, need keys, certificates or
	// other tools. Other tests have what they do.
	notRunOfUsage = regexp.MustCompile(`^transship (serve|record|bench|login|manifest|audit compare|bundle diff|copy --dst-ca) | --(require-signature|sign) `)
)

// The lines of docs/usage.md run as they are printed, from top to bottom, between real registries. Docker Hub, quay.io and
// SRC are one, registry.example.com and DST another.
func TestUsagePage(t *testing.T) {
	t.Parallel()
	src, dst, other := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	im := fixture.Synthetic(fixture.Spec{Layers: []int64{600, 6500}, Platforms: []v1.Platform{
		{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64", Variant: "v8"},
	}})
	for _, name := range []string{"halohub/halo:1.6", "library/alpine:3.20", "team/app:1.3", "team/app:2.0", "tools/a/b:1"} {
		repository, tag, _ := strings.Cut(name, ":")
		push(t, src, im, repository, tag)
	}
	text, err := os.ReadFile("../../docs/usage.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	shell := newPageShell(t)
	far, from, to := "registry.example.com", src.Host, dst.Host
	names := strings.NewReplacer(
		" SRC", " "+from+"/halohub/halo:1.6", " DST1", " "+to+"/a/halo:1", " DST2", " "+to+"/b/halo:1", " DST", " "+to+"/c/halo:1.6",
		"REPOSITORY", from+"/halohub/halo", " HOST[/PREFIX]", " "+from, " [METHOD] HOST/v2/...", " "+from+"/v2/", " HOST", " "+from,
		" REF|ID", " "+to+"/hczjl/halo:amd64", " REF", " "+to+"/c/halo:1.6", " ID", " $(transship images -q | head -n 1)",
		" halohub/", " "+from+"/halohub/", "\nhalohub/", "\n"+from+"/halohub/", " hczjl/", " "+to+"/hczjl/",
		" alpine:", " "+from+"/library/alpine:", "\nlibrary/", "\n"+from+"/library/", "quay.io", from,
		far, to, "registry.example.org", other.Host, "localhost:5000", to, "/var/lib/node_exporter", shell.Dir)
	list := usageList.FindStringSubmatch(page)
	if list == nil {
		t.Fatal("docs/usage.md has no list of images")
	}
	writeFile(t, shell.Dir, "images.txt", names.Replace("\n"+regexp.MustCompile(`(?m)^    `).ReplaceAllString(list[1], "")))
	run := func(line string) {
		r := shell.RunInput(t, "user:word\n", names.Replace(line))
		if r.Exit != 0 {
			t.Errorf("%s: exit %d\n%s%s", line, r.Exit, r.Stdout, r.Stderr)
		}
	}
	run("transship copy SRC oci-archive:SAVED.tar")
	run("transship copy SRC oci:layout:1.6")
	lines := 0
	for _, m := range usageLine.FindAllStringSubmatch(page, -1) {
		if !notRunOfUsage.MatchString(m[1]) {
			run(m[1])
			lines++
		}
	}
	if lines < 40 {
		t.Errorf("only %d lines were run", lines)
	}
	for _, name := range []string{
		"mirror/halohub/halo:1.6", "alpine:3.20", "mirror/team/app:1.3", "mirror/tools/a/b:1", "hczjl/halo:1.6",
	} {
		repository, tag, _ := strings.Cut(name, ":")
		verify(t, dst, im, repository, tag)
	}
}
