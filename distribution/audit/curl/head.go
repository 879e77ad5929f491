package curl

import (
	"fmt"
	"strings"

	"github.com/hczjl/transship/distribution/audit/internal/texts"
)

// head is what stands before the commands.
func (p *scriptWriter) head() string {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	if len(p.Run.Command) > 0 {
		b.WriteString("# The calls of: " + texts.Printable(strings.Join(p.Run.Command, " ")) + "\n")
	}
	if !p.Run.Start.IsZero() {
		b.WriteString("# recorded " + p.Run.Start.UTC().Format("2006-01-02 15:04:05 MST") + "\n")
	}
	b.WriteString(`#
# Run this in an empty folder: blobs and manifests go to blobs/ALGORITHM/HEX, and come from there.
# To call other hosts, set the variables below: HOST_...=https://registry.example.com sh FILE
# CURL_CA_BUNDLE names a file with the certificates of CAs.
set -eu

`)
	for _, host := range p.hosts {
		b.WriteString(host + "\n")
	}
	p.writeInputs(&b)
	for _, h := range scriptHelpers() {
		if p.helpers[h.name] {
			b.WriteString("\n" + h.text)
		}
	}
	for _, algorithm := range []string{"sha256", "sha512"} {
		if p.folders[algorithm] {
			b.WriteString("\nmkdir -p blobs/" + algorithm + "\n")
		}
	}
	return b.String()
}

// writeInputs names the variables that have to be set, and has the script end
// where one is not.
func (p *scriptWriter) writeInputs(b *strings.Builder) {
	if len(p.inputs) == 0 {
		return
	}
	b.WriteString("\n# What the record does not have. Set these in the environment, or here:\n")
	for _, in := range p.inputs {
		fmt.Fprintf(b, "# %s=    %s\n", in.name, texts.Printable(in.what))
	}
	for _, in := range p.inputs {
		fmt.Fprintf(b, ": \"${%s:?has to be set, see the top of this script}\"\n", in.name)
	}
}

// helper is a function of a script.
type helper struct{ name, text string }

// scriptHelpers are the functions that commands may use.
func scriptHelpers() []helper {
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
		{"with", `# with URL QUERY: the URL with more in its query.
with() {
	case $1 in
	*\?*) printf '%s&%s\n' "$1" "$2" ;;
	*) printf '%s?%s\n' "$1" "$2" ;;
	esac
}
`},
		{"whole", `# whole ALGORITHM HEX: fails unless the file has that digest.
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
