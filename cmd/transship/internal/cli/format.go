package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// Plural returns what n things add to their noun: "" for one, else "s".
func Plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// FormatBytes formats a size in powers of 1000 with two digits or three, as docker does.
func FormatBytes(n int64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value := float64(n)
	unit := -1
	for value >= 999.5 && unit < len(units)-1 {
		value /= 1000
		unit++
	}
	if value < 9.95 {
		return fmt.Sprintf("%.1f %cB", value, units[unit])
	}
	return fmt.Sprintf("%.0f %cB", value, units[unit])
}

// FormatDuration rounds a duration to milliseconds, or to tenths of a second or seconds if it is
// longer.
func FormatDuration(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// RegistryName returns a registry's host as users type it: Docker Hub's by its name in references,
// others without the port of HTTPS. An unknown host is HOST.
func RegistryName(host string) string {
	switch host {
	case "":
		return "HOST"
	case "registry-1.docker.io":
		return "docker.io"
	}
	return strings.TrimSuffix(host, ":443")
}

// userinfo matches the user and password in a URL.
var userinfo = regexp.MustCompile(`//[^/@\s]+@`)

// typedAccount matches what may be a user and password before a host, as in a URL without scheme.
var typedAccount = regexp.MustCompile(`[^\s"/@]+:[^\s"@]*@[^\s"]*`)

// OneLine makes a text one printable line and redacts passwords. An error of errors.Join has
// several lines, a registry may send control characters, and users type passwords into URLs.
func OneLine(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), "\n", "; ")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, s)
	s = userinfo.ReplaceAllString(s, "//REDACTED@")
	return typedAccount.ReplaceAllStringFunc(s, withoutPassword)
}

// namedDigest matches a digest in a reference or a URL.
var namedDigest = regexp.MustCompile(`([@/=]sha\d+(?::|%3A)[0-9a-f]{12})[0-9a-f]{52,}`)

// ShortenDigests cuts the digests in references and URLs down to the 12 digits that docker shows. A
// digest that stands alone is left whole: the message is about it.
func ShortenDigests(s string) string { return namedDigest.ReplaceAllString(s, "$1...") }

// PrintJSON writes v as indented JSON with a newline at the end.
func PrintJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
