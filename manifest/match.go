package manifest

import (
	"slices"
	"strconv"
	"strings"
)

// Match reports whether an image for platform have satisfies want, by the rules of containerd's
// platforms package. After normalizing, OS, architecture and variant must be equal, and want must
// have all OS features of have; win32k does not count. On Windows, if both have an OS version, a
// host with that of want must be able to run have.
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

// The builds from which on Windows Server runs containers of the release before it.
const (
	windows2022 = 20348
	windows2025 = 26100
)

// windowsRuns reports whether a Windows host can run a container image. Before Server 2022 the
// builds must be equal. From then on a host also runs images back to the long-term release before
// its own.
func windowsRuns(host, image string) bool {
	h, ok := parseWindowsVersion(host)
	if !ok || image == "" {
		return true
	}
	i, _ := parseWindowsVersion(image)
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

// parseWindowsVersion reads major.minor.build and ignores what follows.
func parseWindowsVersion(s string) (v [3]uint64, ok bool) {
	numbers := strings.SplitN(s, ".", 4)
	if len(numbers) < 3 {
		return v, false
	}
	for n := range v {
		var err error
		if v[n], err = strconv.ParseUint(numbers[n], 10, 16); err != nil {
			return [3]uint64{}, false
		}
	}
	return v, true
}
