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

func Plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// FormatBytes writes a size for people, in powers of 1000 as docker does.
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

// FormatDuration writes a duration for people: no more digits than matter.
func FormatDuration(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// RegistryName is a registry's host as people call it.
func RegistryName(host string) string {
	switch host {
	case "":
		return "HOST"
	case "registry-1.docker.io":
		return "docker.io"
	}
	return strings.TrimSuffix(host, ":443")
}

// userinfo is the user and password in a URL.
var userinfo = regexp.MustCompile(`//[^/@\s]+@`)

// typedAccount may be a user and password before a host, as in a URL without its scheme.
var typedAccount = regexp.MustCompile(`[^\s"/@]+:[^\s"@]*@[^\s"]*`)

// OneLine makes one printable line of what an error says. errors.Join puts several lines into it, a registry whatever it
// likes, and a user may have typed a password into a URL.
func OneLine(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), "\n", "; ")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
	s = userinfo.ReplaceAllString(s, "//REDACTED@")
	return typedAccount.ReplaceAllStringFunc(s, withoutPassword)
}

// namedDigest is a digest in a reference or a URL.
var namedDigest = regexp.MustCompile(`([@/=]sha\d+(?::|%3A)[0-9a-f]{12})[0-9a-f]{52,}`)

// ShortenDigests leaves of the digests in references and URLs as much as docker shows. One that stands alone is what a message
// is about.
func ShortenDigests(s string) string { return namedDigest.ReplaceAllString(s, "$1...") }

// PrintJSON writes v indented, with a newline at the end.
func PrintJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
