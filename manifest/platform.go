package manifest

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// Platform is what an image runs on (OCI image-spec, image-index.md, "platform"). Only docker's
// manifest lists have Features, which are CPU features.
type Platform struct {
	Architecture string
	OS           string
	OSVersion    string
	OSFeatures   []string
	Variant      string
	Features     []string
	Extra        []Member // members that the type does not have
}

// fields is the order of both docker and OCI.
func (p *Platform) fields() []field {
	return append(p.ociFields(), field{name: "features", value: &p.Features})
}

// ociFields has the members that a config has too.
func (p *Platform) ociFields() []field {
	return []field{
		{name: "architecture", value: &p.Architecture, always: true},
		{name: "os", value: &p.OS, always: true},
		{name: "os.version", value: &p.OSVersion},
		{name: "os.features", value: &p.OSFeatures},
		{name: "variant", value: &p.Variant},
	}
}

// UnmarshalJSON implements json.Unmarshaler. A name that comes twice, or differs from a known one
// only in case, is an error.
func (p *Platform) UnmarshalJSON(b []byte) (err error) {
	*p = Platform{}
	p.Extra, err = decodeObject(b, p.fields())
	return err
}

// MarshalJSON implements json.Marshaler.
func (p Platform) MarshalJSON() ([]byte, error) { return encodeObject(p.fields(), p.Extra) }

// String returns os/architecture[/variant][:os.version], which [ParsePlatform] can read. Without an
// OS it is "unknown".
func (p Platform) String() string {
	if p.OS == "" {
		return "unknown"
	}
	s := path.Join(p.OS, p.Architecture, p.Variant)
	if p.OSVersion != "" {
		s += ":" + p.OSVersion
	}
	return s
}

// PlatformSyntaxError says why a text is not a platform.
type PlatformSyntaxError struct{ Text, Reason string }

// Error names the text, the reason and what a platform looks like.
func (e *PlatformSyntaxError) Error() string {
	return fmt.Sprintf("invalid platform %q: %s (want os/arch[/variant], such as linux/arm/v7)", e.Text, e.Reason)
}

// ParsePlatform reads os/arch[/variant], a known os or arch alone, os(version+feature...)/arch as
// containerd writes it, and os/arch[/variant]:version. An OS or architecture that is left out is
// that of this machine. Other spellings are normalized as containerd's platforms package does:
// aarch64 is arm64, armhf is arm/v7, linux/arm64/v8 is linux/arm64. The error is a
// *[PlatformSyntaxError].
func ParsePlatform(s string) (Platform, error) {
	text, version, hasVersion := strings.Cut(s, ":")
	components := strings.Split(text, "/")
	p, err := parseOS(s, components[0])
	if err != nil {
		return Platform{}, err
	}
	if hasVersion {
		if !isValidComponent(version) || p.OSVersion != "" {
			return Platform{}, &PlatformSyntaxError{s, fmt.Sprintf("%q is no version of an operating system", version)}
		}
		p.OSVersion = version
	}
	if slices.ContainsFunc(components[1:], func(c string) bool { return !isValidComponent(c) }) {
		return Platform{}, &PlatformSyntaxError{s, "a component is empty or has an invalid character"}
	}
	switch len(components) {
	case 1:
		return parseSingle(s, p)
	case 2:
		p.Architecture = components[1]
	case 3:
		p.Architecture, p.Variant = components[1], components[2]
	default:
		return Platform{}, &PlatformSyntaxError{s, "too many components"}
	}
	return p.Normalize(), nil
}

// osPattern is os or os(version+feature+feature).
var osPattern = regexp.MustCompile(`^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?$`)

// parseOS reads the OS component of text.
func parseOS(text, component string) (Platform, error) {
	m := osPattern.FindStringSubmatch(component)
	if m == nil {
		return Platform{}, &PlatformSyntaxError{text, fmt.Sprintf("%q is no operating system", component)}
	}
	options := strings.Split(m[2]+m[3], "+")
	for i := range options {
		plain, err := url.PathUnescape(options[i])
		if err != nil {
			return Platform{}, &PlatformSyntaxError{text, err.Error()}
		}
		options[i] = plain
	}
	p := Platform{OS: m[1], OSVersion: options[0]}
	if len(options) > 1 {
		p.OSFeatures = options[1:]
	}
	return p, nil
}

// parseSingle reads a text of one component, which is in p.OS: a known OS, or an architecture.
func parseSingle(text string, p Platform) (Platform, error) {
	word := strings.ToLower(p.OS)
	if slices.Contains(knownOS(), normalOS(word)) {
		p.Architecture = runtime.GOARCH
		return p.Normalize(), nil
	}
	arch, variant := normalArch(word, "")
	if !slices.Contains(knownArch(), arch) {
		return Platform{}, &PlatformSyntaxError{text, "unknown operating system or architecture"}
	}
	return Platform{OS: runtime.GOOS, Architecture: arch, Variant: variant}, nil
}

func isValidComponent(s string) bool {
	ok := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'
	}
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool { return !ok(c) })
}

func knownOS() []string {
	return []string{"aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux", "nacl",
		"netbsd", "openbsd", "plan9", "solaris", "windows", "zos"}
}

func knownArch() []string {
	return []string{"386", "amd64", "amd64p32", "arm", "armbe", "arm64", "arm64be", "ppc64", "ppc64le", "loong64",
		"mips", "mipsle", "mips64", "mips64le", "mips64p32", "mips64p32le", "ppc", "riscv", "riscv64", "s390", "s390x",
		"sparc", "sparc64", "wasm"}
}

// Normalize returns the platform in one spelling: lower case, the names of GOOS and GOARCH, with
// the default variant of arm and without that of amd64 and arm64, OS features sorted and without
// duplicates. It does not change the receiver. An empty OS stays empty, whereas containerd sets
// that of the machine: the result must not depend on the host.
func (p Platform) Normalize() Platform {
	p.OS = normalOS(p.OS)
	p.Architecture, p.Variant = normalArch(p.Architecture, p.Variant)
	if len(p.OSFeatures) > 0 {
		p.OSFeatures = slices.Compact(slices.Sorted(slices.Values(p.OSFeatures)))
	}
	return p
}

func normalOS(os string) string {
	os = strings.ToLower(os)
	if os == "macos" {
		return "darwin"
	}
	return os
}

// normalArch follows containerd/platforms, database.go.
func normalArch(arch, variant string) (string, string) {
	arch, variant = strings.ToLower(arch), strings.ToLower(variant)
	switch arch {
	case "i386":
		return "386", ""
	case "x86_64", "x86-64", "amd64":
		return "amd64", dropDefault(variant, "v1")
	case "aarch64", "arm64":
		return "arm64", normalARM64(variant)
	case "armhf":
		return "arm", "v7"
	case "armel":
		return "arm", "v6"
	case "arm":
		return "arm", normalARM(variant)
	}
	return arch, variant
}

func dropDefault(variant, defaultVariant string) string {
	if variant == defaultVariant {
		return ""
	}
	return variant
}

func normalARM64(variant string) string {
	switch variant {
	case "8", "v8", "v8.0":
		return ""
	case "9", "9.0", "v9.0":
		return "v9"
	}
	return variant
}

func normalARM(variant string) string {
	switch variant {
	case "", "7":
		return "v7"
	case "5", "6", "8":
		return "v" + variant
	}
	return variant
}
