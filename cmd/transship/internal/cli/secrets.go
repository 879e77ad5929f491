package cli

import (
	"flag"
	"net/url"
	"strings"

	"github.com/hczjl/transship/distribution/wire"
)

// redactedValue stands where a secret was on the command line.
const redactedValue = "REDACTED"

// RedactArgs is a command line fit to be kept. The flags in it are known to be right.
func RedactArgs(fs *flag.FlagSet, args []string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		typed, value, given := strings.Cut(arg, "=")
		f := fs.Lookup(strings.TrimLeft(typed, "-"))
		switch {
		case arg == "--":
			fs = flag.NewFlagSet("", flag.ContinueOnError) // there are no more
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

// isSecret tells whether a flag's value is one.
func isSecret(f *flag.Flag) bool {
	return !isBool(f) && (f.Name == "p" || f.Name == "password" || strings.HasSuffix(f.Name, "creds"))
}

// secretValue is what is kept of one. A dash says that it comes on standard input.
func secretValue(value string) string {
	if value == "-" {
		return value
	}
	return redactedValue
}

// withoutPassword is an argument without what may have been typed into it as if it were a URL. What stands before a
// digest is a name.
func withoutPassword(arg string) string {
	if u, err := url.Parse(arg); err == nil && u.Host != "" {
		return wire.Redact(u)
	}
	before, after, ok := cutLast(arg, "@")
	if !ok || strings.HasPrefix(after, "sha") || !strings.Contains(before, ":") {
		return arg
	}
	return redactedValue + "@" + after
}

// cutLast is strings.Cut around the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
