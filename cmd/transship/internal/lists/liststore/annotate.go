package liststore

import (
	"slices"

	"github.com/hczjl/transship/manifest"
)

// Annotation is what "docker manifest annotate" sets. Empty fields are not set.
type Annotation struct {
	OS, Arch, OSVersion, Variant string
	OSFeatures                   []string
}

// Annotate sets the annotation's fields on the entry's platform and adds OS features that the
// platform does not have. It replaces the Platform pointer and does not change the old Platform.
func Annotate(e *Entry, a Annotation) {
	var p manifest.Platform
	if e.Descriptor.Platform != nil {
		p = *e.Descriptor.Platform
	}
	setNonEmpty(&p.OS, a.OS)
	setNonEmpty(&p.Architecture, a.Arch)
	setNonEmpty(&p.OSVersion, a.OSVersion)
	setNonEmpty(&p.Variant, a.Variant)
	p.OSFeatures = slices.Clone(p.OSFeatures)
	for _, feature := range a.OSFeatures {
		if !slices.Contains(p.OSFeatures, feature) {
			p.OSFeatures = append(p.OSFeatures, feature)
		}
	}
	e.Descriptor.Platform = &p
}

func setNonEmpty(to *string, value string) {
	if value != "" {
		*to = value
	}
}

// DockerSupports reports whether "docker manifest annotate" accepts the pair (docker/cli,
// manifest/util.go). It refuses others, such as windows/arm64 and linux/loong64, although
// registries and engines accept them.
func DockerSupports(os, arch string) bool {
	return slices.Contains(dockerArchitectures(os), arch)
}

func dockerArchitectures(os string) []string {
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
