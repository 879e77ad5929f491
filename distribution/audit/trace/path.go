package trace

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/hczjl/transship/distribution/audit/internal/texts"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/wire"
)

// anyDigest matches a digest; the first group is what a short form keeps of it.
var anyDigest = regexp.MustCompile(`\b((?:sha256|sha512):[0-9a-f]{12})[0-9a-f]{52,}`)

// shortPath returns a URL's path with the important parameters of its query, in one printable line.
// Digests are shortened, and the identifiers of upload sessions left out.
func shortPath(u *url.URL, row string) string {
	text := u.Path
	if row != "" && row != wire.RowToken && row != wire.RowRedirect {
		text = strings.TrimPrefix(text, "/v2/")
	}
	text = endpoint.ReplaceSession(text, "...")
	return anyDigest.ReplaceAllString(texts.Printable(text+shortQuery(u.RawQuery)), "$1")
}

// shortQuery keeps the parameters that name content, the blob last. It returns "?..." if there are
// only others.
func shortQuery(raw string) string {
	var kept, blob []string
	dropped := false
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(value); err == nil {
			value = plain
		}
		switch name {
		case "digest", "mount":
			blob = append(blob, name+"="+value)
		case "from", "scope", "n", "last", "artifactType", "tag":
			kept = append(kept, name+"="+value)
		case "service", "account", "client_id", "":
		default:
			dropped = true
		}
	}
	kept = append(kept, blob...)
	switch {
	case len(kept) > 0:
		return "?" + strings.Join(kept, "&")
	case dropped:
		return "?..."
	}
	return ""
}
