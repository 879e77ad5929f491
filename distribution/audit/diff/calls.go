package diff

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/internal/texts"
	"github.com/hczjl/transship/distribution/endpoint"
)

// Calls are an audit's calls as [Compare] looks at them: some 500 bytes of each.
type Calls struct {
	Run audit.Run // zero where the file does not say
	// Broken says where the file could not be read on: see [audit.ReadAll].
	Broken *audit.RecordError

	calls []comparedCall
	hosts []hostUse // in the order of their first calls
	texts texts.Table
}

// comparedCall is a call without what is another each time: ports, upload
// sessions, dates.
type comparedCall struct {
	method, host, path int32 // by texts; the path has {digest} for each digest
	digests            int32 // those that the path has, in their order
	traits             [len(traitNames)]int32
}

// traitNames are what is compared of a call. Headers have their names after
// the side that sends them.
var traitNames = [...]string{
	"scheme", "status", "error", "refused by", "protocol", "TLS", "sent", "received", "sent digest", "received digest",
	"request Accept", "request Authorization", "request Content-Range", "request Content-Type", "request Range",
	"answer Content-Range", "answer Content-Type", "answer Docker-Content-Digest", "answer Link", "answer Location",
	"answer Oci-Filters-Applied", "answer Oci-Subject", "answer Retry-After", "answer Warning", "answer Www-Authenticate",
}

// Read reads an audit to its end. Errors are those of [audit.ReadAll].
func Read(r *audit.Reader) (*Calls, error) {
	s := &Calls{}
	broken, err := audit.ReadAll(r, s.add)
	if err != nil {
		return nil, err
	}
	s.Run, s.Broken = r.Run, broken
	return s, nil
}

func (s *Calls) add(e audit.Entry) {
	u, err := url.Parse(e.URL)
	if err != nil {
		u = &url.URL{Path: "?"}
	}
	host := texts.Printable(u.Host)
	s.use(host, e)
	path, digests := comparedPath(u, e.Row)
	c := comparedCall{
		method: s.texts.Number(texts.Printable(e.Method)), host: s.texts.Number(host), path: s.texts.Number(path), digests: s.texts.Number(digests),
	}
	for i, value := range traitsOf(e, u) {
		c.traits[i] = s.texts.Number(texts.Printable(value))
	}
	s.calls = append(s.calls, c)
}

// traitsOf returns the values that belong to traitNames.
func traitsOf(e audit.Entry, u *url.URL) []string {
	broken := ""
	if e.Error != "" && e.Refused == "" {
		broken = "broken off"
	}
	values := []string{
		u.Scheme, strconv.Itoa(e.Status), broken, e.Refused, e.Protocol, e.TLS.Version,
		strconv.FormatInt(e.Request.Bytes, 10), strconv.FormatInt(e.Response.Bytes, 10), e.Request.Digest, e.Response.Digest,
	}
	for _, name := range traitNames[len(values):] {
		from, header, _ := strings.Cut(name, " ")
		h := e.Response.Headers
		if from == "request" {
			h = e.Request.Headers
		}
		values = append(values, withoutSession(strings.Join(h[http.CanonicalHeaderKey(header)], ", "), e.Row))
	}
	return values
}

var (
	// hexDigest matches a digest in a path, also as storage has it, in folders
	// by its first digits.
	hexDigest = regexp.MustCompile(`(?:sha(?:256|512):|\b[0-9a-f]{2}/)?\b[0-9a-f]{64}(?:[0-9a-f]{64})?\b`)
	// uuidText matches a UUID.
	uuidText = regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`)
)

// withoutSession is a text with {session} for the names of upload sessions.
func withoutSession(text, row string) string {
	text = endpoint.ReplaceSession(text, "{session}")
	if row == "redirect" {
		return text
	}
	return uuidText.ReplaceAllString(text, "{session}")
}

// comparedPath is a URL's path and query, its parameters sorted, with {session}
// and {digest}, and the digests.
func comparedPath(u *url.URL, row string) (path, digests string) {
	path = endpoint.ReplaceSession(u.Path, "{session}")
	switch row {
	case "end-5", "end-6", "end-13", "end-14":
		if path == u.Path { // a Location that does not look like the specification's
			path = "/{session}"
		}
	}
	var pairs []string
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		if plain, err := url.QueryUnescape(pair); err == nil {
			pair = plain
		}
		if pair != "" {
			pairs = append(pairs, pair)
		}
	}
	slices.Sort(pairs)
	if len(pairs) > 0 {
		path += "?" + strings.Join(pairs, "&")
	}
	path = texts.Printable(path)
	return hexDigest.ReplaceAllString(path, "{digest}"), strings.Join(hexDigest.FindAllString(path, -1), " ")
}
