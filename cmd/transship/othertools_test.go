package main

import (
	"slices"
	"strings"
	"testing"
)

// Names that users know from other tools lead to ours, in the hint. They are no aliases.
func TestOtherToolsCommands(t *testing.T) {
	p := newProgram(t)
	for line, hint := range map[string]string{
		"ls registry.example.com/app":             "use tags REPOSITORY, repos HOST, or images for the local store; transship help",
		"list-tags registry.example.com/app":      "use tags REPOSITORY;",
		"catalog registry.example.com":            "use repos HOST;",
		"validate app:1":                          "use verify REF",
		"cp a b":                                  "use copy;",
		"rm app:1":                                "use delete on a registry, rmi in the local store",
		"repo ls registry.example.com":            "use repos HOST;",
		"repo tags registry.example.com/app":      "use tags REPOSITORY;",
		"image cp a b":                            "use copy;",
		"resolve app:1":                           "use digest;",
		"discover app:1":                          "use inspect --referrers;",
		"store save --filename x":                 "use save -o FILE REF;",
		"mutate app:1":                            "changes none;",
		"manifest get app:1":                      "use inspect --raw; transship manifest -h",
		"manifest registry.example.com/app:1":     "use inspect --raw REF to see a manifest; transship manifest -h",
		"manifest crate app:1":                    "did you mean manifest create? transship manifest -h",
		"help ls":                                 "use tags REPOSITORY",
		"help flag":                               "did you mean transship help flags? transship help lists",
		"auth login registry.example.com -u x -p": "use login HOST",
	} {
		o := p.run(strings.Fields(line)...)
		o.wantError(wantedError{2, "unknown command", hint})
	}
}

// What is suggested for a command of another tool are commands of ours.
func TestOtherCommandsNameOurs(t *testing.T) {
	names := families()
	for _, other := range otherCommands() {
		words := strings.FieldsFunc(other.use, func(r rune) bool { return r == ' ' || r == ',' || r == ';' })
		named := slices.ContainsFunc(words, func(word string) bool { return slices.Contains(names, word) })
		if !named && !strings.HasPrefix(other.use, "transship ") {
			t.Errorf("%q does not say which command of ours does what %s does", other.use, other.names)
		}
	}
}

func TestOtherToolsFlags(t *testing.T) {
	p := newProgram(t)
	const twoSides = "copy has two sides: "
	for line, hint := range map[string]string{
		"copy --insecure a b":               twoSides + "--src-insecure for the source, --dst-insecure for the target; transship copy -h",
		"copy --plain-http a b":             twoSides + "--src-plain-http for the source, --dst-plain-http for the target",
		"copy --creds x:" + secret + " a b": twoSides + "--src-creds for the source, --dst-creds for the target",
		"copy --ca x a b":                   twoSides + "--src-ca for the source, --dst-ca for the target",
		"sync --insecure -f x":              "sync has two sides: --src-insecure for the source",
		"copy --insecur a b":                "did you mean --src-insecure or --dst-insecure?",
		"copy --tls-verify=false a b": twoSides + "--src-insecure or --src-plain-http for the source, " +
			"--dst-insecure or --dst-plain-http for the target",
		"copy --src-tls-verify=false a b":         "use --src-insecure or --src-plain-http;",
		"copy --dest-tls-verify=false a b":        "use --dst-insecure or --dst-plain-http;",
		"digest --tls-verify=false a":             "use --insecure or --plain-http;",
		"copy --dest-creds=x:" + secret + " a b":  "use --dst-creds;",
		"copy --from-username x a b":              "use --src-creds;",
		"copy --to-plain-http a b":                "use --dst-plain-http;",
		"digest --src-creds x:" + secret + " a":   "use --creds;",
		"login --user x registry.example.com":     "use --username;",
		"copy --override-arch arm64 a b":          "use --platform;",
		"copy --all a b":                          "all platforms are taken unless --platform names some; leave it out;",
		"copy --multi-arch all a b":               "all platforms are taken unless",
		"copy -a a b":                             "transship sync copies all tags",
		"copy -r a b":                             "use --referrers;",
		"copy --concurrency 3 a b":                "use --jobs;",
		"copy --preserve-digests a b":             "images keep their format, compression and digests",
		"copy --dest-compress-format zstd a b":    "images keep their format",
		"tags --exclude x registry.example.com/a": "patterns are arguments",
		"sync --src docker --dest docker x y":     "sync copies a list: transship sync -f FILE",
		"version --tls-verify=false":              "transship version -h lists the flags",
		"version --all":                           "transship version -h lists the flags",
	} {
		o := p.run(strings.Fields(line)...)
		o.wantError(wantedError{2, "unknown flag -", hint})
		if strings.HasPrefix(line, "version") && strings.Contains(o.stderr, "use --") {
			t.Errorf("%s: hints at a flag that the command does not have: %s", o.line, o.stderr)
		}
	}
}
