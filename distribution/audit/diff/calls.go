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

// Calls has the calls of an audit as far as [Compare] compares them: some 500 bytes for each call.
type Calls struct {
	Run audit.Run // zero if the file has none
	// Broken is where the rest of the file could not be read, nil if all of it was: see
	// [audit.ReadAll].
	Broken *audit.RecordError

	calls []call
	hosts []host // in the order of their first calls
	texts texts.Table
}

// call is a call without what differs in every run: ports, upload sessions, dates. Its members are
// numbers in the table of texts.
type call struct {
	method, host int32
	path         int32 // with {digest} in place of each digest
	digests      int32 // the digests of the path, separated by spaces
	fields       [len(fieldNames)]int32
}

// fieldNames names what is compared of a call. A header follows the word for the message that has
// it.
var fieldNames = [...]string{
	"scheme", "status", "error", "refused by", "protocol", "TLS", "sent", "received", "sent digest", "received digest",
	"request Accept", "request Authorization", "request Content-Range", "request Content-Type", "request Range",
	"answer Content-Range", "answer Content-Type", "answer Docker-Content-Digest", "answer Link", "answer Location",
	"answer Oci-Filters-Applied", "answer Oci-Subject", "answer Retry-After", "answer Warning",
	"answer Www-Authenticate",
}

// Read reads an audit to its end. Errors are those of [audit.ReadAll].
func Read(r *audit.Reader) (*Calls, error) {
	c := &Calls{}
	broken, err := audit.ReadAll(r, c.add)
	if err != nil {
		return nil, err
	}
	c.Run, c.Broken = r.Run, broken
	return c, nil
}

func (c *Calls) add(e audit.Entry) {
	u, err := url.Parse(e.URL)
	if err != nil {
		u = &url.URL{Path: "?"}
	}
	host := texts.Printable(u.Host)
	c.addHost(host, e)
	path, digests := normalPath(u, e.Row)
	out := call{
		method: c.texts.Number(texts.Printable(e.Method)), host: c.texts.Number(host),
		path: c.texts.Number(path), digests: c.texts.Number(digests),
	}
	for i, value := range fieldsOf(e, u) {
		out.fields[i] = c.texts.Number(texts.Printable(value))
	}
	c.calls = append(c.calls, out)
}

// fieldsOf returns the values for fieldNames.
func fieldsOf(e audit.Entry, u *url.URL) []string {
	broken := ""
	if e.Error != "" && e.Refused == "" {
		broken = "broken off"
	}
	values := []string{
		u.Scheme, strconv.Itoa(e.Status), broken, e.Refused, e.Protocol, e.TLS.Version,
		strconv.FormatInt(e.Request.Bytes, 10), strconv.FormatInt(e.Response.Bytes, 10),
		e.Request.Digest, e.Response.Digest,
	}
	for _, name := range fieldNames[len(values):] {
		message, header, _ := strings.Cut(name, " ")
		h := e.Response.Headers
		if message == "request" {
			h = e.Request.Headers
		}
		values = append(values, withoutSession(strings.Join(h[http.CanonicalHeaderKey(header)], ", "), e.Row))
	}
	return values
}

var (
	// hexDigest matches a digest in a path, also in the layout of storages, where a folder is named
	// after its first two digits.
	hexDigest = regexp.MustCompile(`(?:sha(?:256|512):|\b[0-9a-f]{2}/)?\b[0-9a-f]{64}(?:[0-9a-f]{64})?\b`)
	uuid      = regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`)
)

// withoutSession replaces the identifiers of upload sessions by {session}.
func withoutSession(text, row string) string {
	text = endpoint.ReplaceSession(text, "{session}")
	if row == "redirect" {
		return text
	}
	return uuid.ReplaceAllString(text, "{session}")
}

// normalPath returns a URL's path and sorted query, with {session} and {digest}, and the digests.
func normalPath(u *url.URL, row string) (path, digests string) {
	path = endpoint.ReplaceSession(u.Path, "{session}")
	switch row {
	case "end-5", "end-6", "end-13", "end-14":
		if path == u.Path { // a Location unlike those in the specification
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
