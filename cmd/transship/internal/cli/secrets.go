package cli

import (
	"flag"
	"net/url"
	"slices"
	"strings"

	"github.com/hczjl/transship/distribution/wire"
)

// redactedValue replaces a secret.
const redactedValue = "REDACTED"

// RedactArgs returns the arguments of a command line with passwords replaced, to be recorded. The
// flags in args must have been parsed without error.
func RedactArgs(fs *flag.FlagSet, args []string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		typed, value, given := strings.Cut(arg, "=")
		f := fs.Lookup(strings.TrimLeft(typed, "-"))
		if letters := shortFlags(fs, typed); f == nil && letters != nil {
			f = letters[len(letters)-1] // which may have a value
		}
		switch {
		case arg == "--":
			fs = flag.NewFlagSet("", flag.ContinueOnError) // all that follows is arguments
			out = append(out, arg)
		case !strings.HasPrefix(arg, "-") || f == nil:
			out = append(out, withoutPassword(arg))
		case !isSecret(f):
			out = append(out, arg)
		case given:
			out = append(out, typed+"="+secretValue(value))
		case i+1 < len(args):
			i++
			out = append(out, arg, secretValue(args[i]))
		}
	}
	return out
}

// isSecret reports whether a flag's value is a secret.
func isSecret(f *flag.Flag) bool {
	named := slices.Contains([]string{"p", "password", "H", "header"}, f.Name)
	return !isBool(f.Value) && (named || strings.HasSuffix(f.Name, "creds"))
}

// secretValue returns what is recorded of a secret. A dash stands for standard input and is kept.
func secretValue(value string) string {
	if value == "-" {
		return value
	}
	return redactedValue
}

// withoutPassword redacts user:password@ in an argument, with a URL's scheme or without, and the
// query of a raw call, which may be the state of an upload. What
// precedes the @ of a digest, or of oci:DIR@index, is a name and is kept.
func withoutPassword(arg string) string {
	if u, err := url.Parse(arg); err == nil && u.Host != "" {
		return wire.Redact(u)
	}
	if u, err := url.Parse("https://" + arg); err == nil && strings.HasPrefix(u.Path, "/v2/") {
		return strings.TrimPrefix(wire.Redact(u), "https://")
	}
	before, after, ok := cutLast(arg, "@")
	if !ok || strings.HasPrefix(after, "sha") || isIndex(before, after) || !strings.Contains(before, ":") {
		return arg
	}
	return redactedValue + "@" + after
}

// isIndex reports whether the two sides of an @ are a layout or tar and the index in it.
func isIndex(before, after string) bool {
	transport, _, _ := strings.Cut(before, ":")
	return strings.TrimRight(after, ":;,") == "index" && slices.Contains([]string{"oci", "oci-archive", "docker-archive"}, transport)
}

// cutLast is strings.Cut around the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
