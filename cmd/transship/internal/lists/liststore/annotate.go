package liststore

import (
	"slices"

	"github.com/hczjl/transship/manifest"
)

// Annotation is what "docker manifest annotate" sets. An empty field sets nothing.
type Annotation struct {
	OS, Arch, OSVersion, Variant string
	OSFeatures                   []string
}

// Annotate sets what the annotation names on the entry's platform, and adds those OS features that the platform lacks.
// The platform is replaced, not changed: other holders of the old one do not see it.
func Annotate(e *Entry, a Annotation) {
	var p manifest.Platform
	if e.Descriptor.Platform != nil {
		p = *e.Descriptor.Platform
	}
	set(&p.OS, a.OS)
	set(&p.Architecture, a.Arch)
	set(&p.OSVersion, a.OSVersion)
	set(&p.Variant, a.Variant)
	p.OSFeatures = slices.Clone(p.OSFeatures)
	for _, feature := range a.OSFeatures {
		if !slices.Contains(p.OSFeatures, feature) {
			p.OSFeatures = append(p.OSFeatures, feature)
		}
	}
	e.Descriptor.Platform = &p
}

func set(to *string, value string) {
	if value != "" {
		*to = value
	}
}

// DockerSupports tells whether "docker manifest annotate" accepts the pair. It refuses others, windows/arm64 and
// linux/loong64 among them, though registries and engines do not mind (docker/cli, manifest/util.go).
func DockerSupports(os, arch string) bool {
	return slices.Contains(dockerArches(os), arch)
}

func dockerArches(os string) []string {
	switch os {
	case "darwin":
		return []string{"386", "amd64", "arm", "arm64"}
	case "freebsd", "netbsd", "openbsd":
		return []string{"386", "amd64", "arm"}
	case "linux":
		return []string{"386", "amd64", "arm", "arm64", "mips64", "mips64le", "ppc64le", "riscv64", "s390x"}
	case "plan9", "windows":
		return []string{"386", "amd64"}
	case "dragonfly", "solaris":
		return []string{"amd64"}
	}
	return nil
}
