package main

import (
	"fmt"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// variable is an environment variable that the program reads.
type variable struct {
	names string // several that mean the same are separated by spaces
	does  string
	// library is set if the standard library reads it, so that this module's code does not name it.
	library bool
}

// environment returns every variable, in the order of help.
func environment() []variable {
	return []variable{
		{names: "TRANSSHIP_CONFIG", does: "the configuration file; " +
			"else transship/config.json in XDG_CONFIG_HOME. /dev/null leaves it out. See transship config -h"},
		{names: "TRANSSHIP_STORE", does: "the folder of the local store, which pull, images and docker's other commands use; " +
			"else transship in XDG_DATA_HOME"},
		{names: "DOCKER_CONFIG", does: "the folder of docker's config.json, certs.d and manifests; else .docker in HOME"},
		{names: "DOCKER_AUTH_CONFIG", does: "the text of a config.json whose accounts are looked up before the files"},
		{names: "DOCKER_DEFAULT_PLATFORM", does: "the platform that pull takes without --platform, such as linux/arm64; " +
			"other commands take all, as docker's push, save and load do"},
		{names: "REGISTRY_AUTH_FILE", does: "an auth.json in place of podman's; with --authfile its file alone is read"},
		{names: "XDG_CONFIG_HOME", does: "folder of configuration files, podman's too; else .config in HOME"},
		{names: "XDG_DATA_HOME", does: "folder of the local store; else .local/share in HOME"},
		{names: "XDG_STATE_HOME", does: "folder of transship/uploads, where uploads are noted that the next run can resume; " +
			"else .local/state in HOME"},
		{names: "XDG_RUNTIME_DIR", does: "folder of podman's auth.json after podman login"},
		{names: "HOME", does: "the user's folder; on Windows USERPROFILE"},
		{names: "USERPROFILE AppData LocalAppData", does: "the user's folder, that of configuration files and that of " +
			"uploads, on Windows"},
		{names: "PATH", does: "where credential helpers are looked for (docker-credential-NAME)"},
		{names: "HTTPS_PROXY https_proxy", does: "the proxy for HTTPS; transship config HOST shows whether it is used"},
		{names: "HTTP_PROXY http_proxy", does: "the proxy for HTTP without TLS"},
		{names: "NO_PROXY no_proxy", does: "hosts, domains and networks without a proxy; loopback never has one"},
		{names: "SSL_CERT_FILE SSL_CERT_DIR", does: "the system's CA certificates, in place of the usual places (not on " +
			"Windows and macOS)", library: true},
		{names: "COLUMNS", does: "the width of help in characters (default that of the terminal, or 80)"},
		{names: "TERM", does: "dumb: no status lines on a terminal"},
		{names: "JOB_COMPLETION_INDEX JOB_COMPLETIONS", does: "of an Indexed Job of Kubernetes: together the --shard of " +
			"sync and save. Kubernetes sets the first, the Job's author the second to spec.completions"},
		{names: "TMPDIR", does: "where compressed tars are unpacked, and tars from a pipe; TMP on Windows", library: true},
		{names: "GOGC", does: "how often memory is collected, in percent (default 30, of sync 50)"},
		{names: "GOMAXPROCS GOMEMLIMIT GODEBUG", does: "settings of Go's runtime and libraries", library: true},
	}
}

// environmentPage returns what "transship help environment" prints.
func environmentPage(s *cli.Streams) string {
	var b strings.Builder
	b.WriteString(cli.Reflow("The environment variables that transship reads. A flag beats a variable, and an empty one "+
		"counts as not set.", s.Width()))
	const indent = "      "
	for _, v := range environment() {
		fmt.Fprintf(&b, "\n  %s\n", strings.ReplaceAll(v.names, " ", ", "))
		for line := range strings.Lines(cli.Reflow(v.does, s.Width()-len(indent))) {
			b.WriteString(indent + line)
		}
	}
	return b.String()
}
