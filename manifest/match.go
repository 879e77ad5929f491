package manifest

import (
	"slices"
	"strconv"
	"strings"
)

// Match tells whether an image for platform have is one that want asks for, by the rules of containerd's platforms
// package: after normalising, OS, architecture and variant are equal; have needs no OS feature that want lacks (win32k
// is not counted); and on Windows, where both name a version, a host of want's version can run have.
func (want Platform) Match(have Platform) bool {
	w, h := want.Normalize(), have.Normalize()
	if w.OS != h.OS || w.Architecture != h.Architecture || w.Variant != h.Variant {
		return false
	}
	for _, feature := range h.OSFeatures {
		ignored := w.OS == "windows" && feature == "win32k"
		if !ignored && !slices.Contains(w.OSFeatures, feature) {
			return false
		}
	}
	return w.OS != "windows" || windowsRuns(w.OSVersion, h.OSVersion)
}

// The builds from which Windows Server runs containers of the release before it.
const (
	windows2022 = 20348
	windows2025 = 26100
)

// windowsRuns tells whether a Windows host can run a container image. Up to Server 2022 the builds must be equal;
// after that a host runs images back to the long-term release before its own.
func windowsRuns(host, image string) bool {
	h, ok := windowsVersion(host)
	if !ok || image == "" {
		return true
	}
	i, _ := windowsVersion(image)
	if h[0] != i[0] || h[1] != i[1] {
		return false
	}
	if h[2] < windows2022 {
		return h[2] == i[2]
	}
	oldest := uint64(windows2022)
	if h[2] > windows2025 {
		oldest = windows2025
	}
	return oldest <= i[2] && i[2] <= h[2]
}

// windowsVersion reads major.minor.build; what follows is ignored.
func windowsVersion(s string) (v [3]uint64, ok bool) {
	parts := strings.SplitN(s, ".", 4)
	if len(parts) < 3 {
		return v, false
	}
	for n := range v {
		var err error
		if v[n], err = strconv.ParseUint(parts[n], 10, 16); err != nil {
			return [3]uint64{}, false
		}
	}
	return v, true
}
