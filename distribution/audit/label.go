package audit

import (
	"net/url"
	"path"
	"regexp"
	"strings"
	"unicode"

	"github.com/hczjl/transship/distribution/wire"
)

// RowTitle says in two or three words what the calls of a row are, such as
// "pull blob" for end-2; "other" for a row that is none.
func RowTitle(row string) string {
	switch row {
	case "end-1":
		return "check"
	case "end-2":
		return "pull blob"
	case "end-3":
		return "pull manifest"
	case "end-4a", "end-4c":
		return "open upload"
	case "end-4b":
		return "push blob at once"
	case "end-5":
		return "push chunk"
	case "end-6":
		return "push blob"
	case "end-7a", "end-7b":
		return "push manifest"
	case "end-8a", "end-8b":
		return "list tags"
	case "end-9":
		return "delete manifest"
	case "end-10":
		return "delete blob"
	case "end-11":
		return "mount blob"
	case "end-12a", "end-12b":
		return "list referrers"
	case "end-13":
		return "upload status"
	case "end-14":
		return "cancel upload"
	case wire.RowToken:
		return "get token"
	case wire.RowRedirect:
		return "follow redirect"
	case wire.RowCatalog:
		return "list repositories"
	}
	return "other"
}

var (
	// anyDigest matches a digest, with the part of it that tells it from others
	// before the rest.
	anyDigest = regexp.MustCompile(`\b((?:sha256|sha512):[0-9a-f]{12})[0-9a-f]{52,}`)
	// uploadSession matches the path of an upload session up to its identifier.
	uploadSession = regexp.MustCompile(`(/blobs/uploads/)[^/?"]+`)
)

// shortPath is a URL's path with what matters of its query, in one printable
// line without the bulk of digests and the names of upload sessions.
func shortPath(u *url.URL, row string) string {
	text := u.Path
	if row != "" && row != wire.RowToken && row != wire.RowRedirect {
		text = strings.TrimPrefix(text, "/v2/")
	}
	text = uploadSession.ReplaceAllString(text, "$1...")
	return shortDigests(printable(text + shortQuery(u.RawQuery)))
}

// shortQuery keeps the parameters that name content, the blob last; "?..."
// stands for others.
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

func shortDigests(text string) string { return anyDigest.ReplaceAllString(text, "$1") }

// printable replaces what is no character for people, so that nothing in a
// file can move a terminal's cursor or end a line.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// blobOf returns the digest of the blob that a call moves, mounts or asks for.
func blobOf(e Entry) string {
	if e.Why.Blob != "" {
		return e.Why.Blob
	}
	u, err := url.Parse(e.URL)
	if err != nil {
		return ""
	}
	if last := path.Base(u.Path); digestText.MatchString(last) && strings.HasSuffix(u.Path, "/blobs/"+last) {
		return last
	}
	query := u.Query()
	for _, name := range []string{"digest", "mount"} {
		if value := query.Get(name); digestText.MatchString(value) {
			return value
		}
	}
	return ""
}

// digestText matches a digest that stands alone.
var digestText = regexp.MustCompile(`^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$`)
