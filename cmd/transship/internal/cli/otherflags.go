package cli

import (
	"flag"
	"slices"
	"strings"
)

// otherFlag is what flags of other tools are in a command of ours.
type otherFlag struct {
	names string // of theirs, without dashes and side
	needs string // a flag of the commands that this is about; "" for all commands
	ours  string // of ours, without side: those that the command has are named
	note  string // what to do where it has none of them
}

// otherFlags returns the flags of crane, skopeo, regctl, oras, docker and hauler that are spelled
// otherwise here. Of several rows the first that fits the command counts.
func otherFlags() []otherFlag {
	const unchanged = "images keep their format, compression and digests; leave it out"
	return []otherFlag{
		// accounts and TLS
		{names: "u user username", needs: "password-stdin", ours: "username"},
		{names: "u user username password password-stdin", ours: "creds"},
		{names: "authfile registry-config config", ours: "authfile", note: "set DOCKER_CONFIG or REGISTRY_AUTH_FILE"},
		{names: "tls-verify tls insecure-registry allow-insecure", ours: "insecure plain-http"},
		{names: "skip-tls-verify insecure-skip-tls-verify", ours: "insecure"},
		{names: "http", ours: "plain-http"},
		{names: "ca-file cacert ca-cert ca-certs", ours: "ca"},
		{names: "cert-file client-cert mtls-certificate", ours: "cert"},
		{names: "key-file client-key mtls-key", ours: "key"},
		{names: "cert-dir", ours: "ca cert key"},
		{names: "policy", ours: "require-signature"},
		{names: "certificate-identity certificate-oidc-issuer", ours: "require-signature"},
		{names: "X request", needs: "data", note: "the method is an argument: transship call PUT HOST/v2/..."},
		{names: "d data-binary data-raw T upload-file", needs: "data", ours: "data"},
		{names: "insecure-policy", note: "transship reads no policy.json; leave it out"},

		// what is copied
		{names: "all multi-arch", needs: "platform",
			note: "all platforms are taken unless --platform names some; leave it out"},
		{names: "a all-tags", needs: "platform",
			note: "all platforms are taken unless --platform names some; transship sync copies all tags of a repository"},
		{names: "override-os override-arch override-variant os arch variant platforms p", ours: "platform"},
		{names: "recursive r digest-tags", ours: "referrers"},
		{names: "remove-signatures", needs: "referrers", note: "signatures are copied with --referrers alone; leave it out"},
		{names: "force-recursive", ours: "repair"},
		{names: "include-external allow-nondistributable-artifacts", ours: "foreign-layers"},
		{names: "n", ours: "no-clobber"},
		{names: "additional-tag", needs: "dst-creds", note: "name several DST: transship copy SRC DST DST"},
		{names: "oci-layout oci-layout-path", note: "write oci:DIR[:IMAGE] for an image in a folder"},
		{names: "include exclude filter", needs: "sort", note: "patterns are arguments: 'v1.*' '!*-rc*'"},
		{names: "O omit-digest-tags", needs: "sort", note: "give '!sha256-*' as a pattern"},
		{names: "src s", needs: "state", note: "sync copies a list: transship sync -f FILE REGISTRY"},
		{names: "dest d", needs: "state", note: "the target is an argument: transship sync -f FILE REGISTRY"},
		{names: "scoped", needs: "state", note: "sync keeps the repositories' paths; leave it out"},
		{names: "keep-going", needs: "state", note: "a failure does not stop sync; leave it out"},
		{names: "force-tag-dereference", ours: "manifest"},
		{names: "force yes y", needs: "manifest", note: "delete does not ask; leave it out"},
		{names: "store", note: "the variable TRANSSHIP_STORE names the local store"},

		// how it is stored
		{names: "preserve-digests compress compress-format compress-level decompress oci-accept-uncompressed-layers",
			needs: "chunk-size", note: unchanged},
		{names: "format", needs: "chunk-size", note: unchanged},
		{names: "format", ours: "json"},
		{names: "sign-by sign-by-sigstore sign-by-sigstore-private-key", needs: "chunk-size",
			note: "transship makes no signatures; sign the copy with cosign or notation"},
		{names: "digestfile metadata-file iidfile", note: "the digest is on standard output: > FILE"},
		{names: "filename", ours: "output"},

		// speed and messages
		{names: "concurrency max-concurrency parallel image-parallel-copies j", ours: "jobs"},
		{names: "retry retries retry-times retry-delay", needs: "max-wait",
			note: "failed calls are retried without a flag; leave it out"},
		{names: "timeout command-timeout", ours: "stall max-wait"},
		{names: "debug d log-level loglevel verbosity", ours: "verbose vv"},
	}
}

// sides are the prefixes of flags of a command with a source and a target, ours and other tools'.
func sides() map[string]string {
	return map[string]string{
		"src-": "src-", "source-": "src-", "from-": "src-",
		"dst-": "dst-", "dest-": "dst-", "destination-": "dst-", "to-": "dst-", "target-": "dst-",
	}
}

// cutSide cuts the side off a flag's name and returns it as ours are spelled, "" if it has none.
func cutSide(name string) (side, base string) {
	first, rest, ok := strings.Cut(name, "-")
	if side := sides()[first+"-"]; ok && side != "" {
		return side, rest
	}
	return "", name
}

// otherFlagHint returns what to write in place of an unknown flag that another tool has, or that
// lacks its side; "" if nothing is known of it.
func otherFlagHint(fs *flag.FlagSet, name string) string {
	if fs.Lookup(name) != nil {
		return "" // it was typed with three dashes
	}
	side, base := cutSide(name)
	if hint := useFlags(fs, side, []string{base}); hint != "" {
		return hint
	}
	for _, other := range otherFlags() {
		names := strings.Fields(other.names)
		if !slices.Contains(names, name) && !slices.Contains(names, base) ||
			other.needs != "" && fs.Lookup(other.needs) == nil {
			continue
		}
		if hint := useFlags(fs, side, strings.Fields(other.ours)); hint != "" {
			return hint
		}
		if other.note != "" {
			return other.note
		}
	}
	return ""
}

// useFlags names those of the flags that a command has, on one side or, if none is given and there
// are two, on both; "" if it has none.
func useFlags(fs *flag.FlagSet, side string, bases []string) string {
	var plain, src, dst []string
	for _, base := range bases {
		onSrc, onDst := fs.Lookup("src-"+base) != nil, fs.Lookup("dst-"+base) != nil
		switch {
		case side != "" && fs.Lookup(side+base) != nil:
			plain = append(plain, Dashed(side+base))
		case side == "" && onSrc && onDst:
			src, dst = append(src, Dashed("src-"+base)), append(dst, Dashed("dst-"+base))
		case fs.Lookup(base) != nil:
			plain = append(plain, Dashed(base))
		}
	}
	switch {
	case len(src) > 0:
		return fs.Name() + " has two sides: " + strings.Join(src, " or ") + " for the source, " +
			strings.Join(dst, " or ") + " for the target"
	case len(plain) > 0:
		return "use " + strings.Join(plain, " or ")
	}
	return ""
}
