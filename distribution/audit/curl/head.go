package curl

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hczjl/transship/distribution/audit/internal/texts"
)

// head returns the part of the script before the commands.
func (w *writer) head() string {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	if len(w.Run.Command) > 0 {
		b.WriteString("# The calls of: " + texts.Printable(strings.Join(w.Run.Command, " ")) + "\n")
	}
	if !w.Run.Start.IsZero() {
		b.WriteString("# recorded " + w.Run.Start.UTC().Format("2006-01-02 15:04:05 MST") + "\n")
	}
	b.WriteString(`#
# Run this in an empty folder. Blobs and manifests are written to blobs/ALGORITHM/HEX, and sent from there.
# To call other hosts, set the variables below: HOST_...=https://registry.example.com sh FILE
# CURL_CA_BUNDLE names a file with the certificates of CAs.
set -eu

`)
	for _, host := range w.hosts {
		b.WriteString(host + "\n")
	}
	w.writeRequirements(&b)
	for _, h := range helpers() {
		if w.helpers[h.name] {
			b.WriteString("\n" + h.text)
		}
	}
	for _, algorithm := range []string{"sha256", "sha512"} {
		if w.folders[algorithm] {
			b.WriteString("\nmkdir -p blobs/" + algorithm + "\n")
		}
	}
	w.writeUnfetched(&b)
	return b.String()
}

// writeUnfetched lists the files that the user must put in place, and makes the script end if one is
// missing.
func (w *writer) writeUnfetched(b *strings.Builder) {
	if len(w.unfetched) == 0 {
		return
	}
	files := slices.Sorted(maps.Keys(w.unfetched))
	b.WriteString("\n# No call fetches these, and the record has no bodies. Put them here before, from an OCI layout of\n" +
		"# the same images: transship copy with the same flags and a folder as the target makes one.\n")
	for _, file := range files {
		fmt.Fprintf(b, "# %s    call %d sends it\n", file, w.unfetched[file].sequence)
	}
	fmt.Fprintf(b, `for file in %s; do
	test -f "$file" || { echo "$file is missing, see the top of this script" >&2; exit 1; }
done
`, strings.Join(files, " \\\n  "))
}

// writeRequirements lists the variables that the user must set, and makes the script end if one is
// not set.
func (w *writer) writeRequirements(b *strings.Builder) {
	if len(w.requirements) == 0 {
		return
	}
	b.WriteString("\n# The record does not have these values. Set them in the environment, or here:\n")
	for _, r := range w.requirements {
		fmt.Fprintf(b, "# %s=    %s\n", r.variable, texts.Printable(r.what))
	}
	for _, r := range w.requirements {
		fmt.Fprintf(b, ": \"${%s:?must be set, see the top of this script}\"\n", r.variable)
	}
}

// helper is a shell function.
type helper struct{ name, text string }

// helpers returns the shell functions that commands may use.
func helpers() []helper {
	return []helper{
		{"location", `# location URL: the Location in the headers of the last answer, which came from that URL's host.
location() {
	to=$(tr -d '\r' <headers | sed -n 's/^[Ll]ocation:[[:space:]]*//p' | tail -n 1)
	root=$(printf '%s\n' "$1" | sed 's,^\([a-z]*://[^/?#]*\).*,\1,')
	case $to in
	http://* | https://*) printf '%s\n' "$to" ;;
	//*) printf '%s\n' "${root%%//*}$to" ;;
	/*) printf '%s\n' "$root$to" ;;
	*)
		echo "there is no Location in the answer from $root" >&2
		return 1
		;;
	esac
}
`},
		{"with", `# with URL QUERY: the URL with QUERY added to its query.
with() {
	case $1 in
	*\?*) printf '%s&%s\n' "$1" "$2" ;;
	*) printf '%s?%s\n' "$1" "$2" ;;
	esac
}
`},
		{"whole", `# whole ALGORITHM HEX: fails if the file has another digest.
whole() {
	echo "$2  blobs/$1/$2" | "$1sum" -c - >/dev/null && return
	echo "blobs/$1/$2 is not what was recorded" >&2
	return 1
}
`},
		{"token", `# token: the token in the answer of a token server.
token() {
	token=$(tr ',{}' '\n\n\n' | sed -n 's/^[[:space:]]*"\(access_\)\{0,1\}token"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\2/p' | head -n 1)
	test -n "$token" || { echo "there is no token in the answer" >&2; return 1; }
	printf '%s\n' "$token" | sed 's,\\/,/,g'
}
`},
	}
}
