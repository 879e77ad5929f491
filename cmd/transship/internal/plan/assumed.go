package plan

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/wire"
)

// assumption is what a plan relies on because only a write would show it.
type assumption struct {
	About string `json:"about"` // a keyword for scripts
	Text  string `json:"text"`
}

// assumptions returns what the plan of these images and calls relies on.
func assumptions(images []*image, calls []wire.PlannedCall) []assumption {
	out := []assumption{{"repeats", "no call is retried, and no token expires"}}
	if haveSeveralTargets(images) {
		out = append(out, assumption{"targets",
			"an image goes to several targets at once: only the calls to each of them are in order"})
	}
	if hosts := hostsOf(calls, isMountFromSeveral(calls)); len(hosts) > 0 {
		out = append(out, assumption{"order", strings.Join(hosts, ", ") +
			" gets a blob that several images share with the first of them; without --jobs 1 that may be another one"})
	}
	for _, kind := range []struct {
		about, text string
		applies     func(wire.PlannedCall) bool
	}{
		{"mounts",
			"%s mounts blobs; if it does not, it opens a session instead, and the blob is uploaded", isMount},
		{"sessions",
			"%s chooses the address of each upload; {session} stands for it", isUpload},
		{"tags",
			"%s sets several tags with one PUT; if it does not say so (OCI-Tag), each gets a PUT of its own", isPutOfTags},
		{"chunks",
			"%s accepts chunks of this size; it may ask for a larger minimum when an upload begins", isChunk},
		{"rights",
			"%s lets the account write; a token server may grant less than asked without an error", isAuthorizedWrite},
		{"anonymous",
			"%s asked for no credentials so far; it may ask for them when the first write comes", isAnonymousWrite},
	} {
		if hosts := hostsOf(calls, kind.applies); len(hosts) > 0 {
			out = append(out, assumption{kind.about, fmt.Sprintf(kind.text, strings.Join(hosts, ", "))})
		}
	}
	return out
}

// haveSeveralTargets reports whether one image goes to several registries or repositories.
func haveSeveralTargets(images []*image) bool {
	seen := map[blob.Digest]bool{}
	for _, im := range images {
		if im.local {
			continue
		}
		if seen[im.Digest] {
			return true
		}
		seen[im.Digest] = true
	}
	return false
}

// hostsOf returns the hosts of the calls that match, each once.
func hostsOf(calls []wire.PlannedCall, match func(wire.PlannedCall) bool) []string {
	var hosts []string
	for _, c := range calls {
		if match(c) && !slices.Contains(hosts, c.Host) {
			hosts = append(hosts, c.Host)
		}
	}
	return hosts
}

func isPutOfTags(c wire.PlannedCall) bool {
	u, err := url.Parse(c.URL)
	return err == nil && c.Method == http.MethodPut && endpoint.Parse(u.Path).Kind == endpoint.KindManifest && u.Query().Has("tag")
}

func isMount(c wire.PlannedCall) bool {
	return c.Method == http.MethodPost && c.StatusCode == http.StatusCreated && strings.Contains(c.URL, "mount=")
}

// isMountFromSeveral returns a match for mounts into repositories that mount from more than one
// other repository: which one a blob comes from may depend on the order of the images.
func isMountFromSeveral(calls []wire.PlannedCall) func(wire.PlannedCall) bool {
	from := map[string]string{} // by URL, without the query
	several := map[string]bool{}
	for _, c := range calls {
		target, source := mountOf(c)
		if first, known := from[target]; known && first != source {
			several[target] = true
		}
		from[target] = source
	}
	return func(c wire.PlannedCall) bool {
		target, _ := mountOf(c)
		return several[target]
	}
}

// mountOf returns the URL of a mount without its query, and the repository to mount from; "" for
// any other call.
func mountOf(c wire.PlannedCall) (target, from string) {
	target, query, _ := strings.Cut(c.URL, "?")
	values, err := url.ParseQuery(query)
	if err != nil || !values.Has("mount") {
		return "", ""
	}
	return target, values.Get("from")
}

func isUpload(c wire.PlannedCall) bool {
	u, err := url.Parse(c.URL)
	return err == nil && endpoint.Parse(u.Path).Kind == endpoint.KindSession
}

func isPull(c wire.PlannedCall) bool {
	u, err := url.Parse(c.URL)
	return err == nil && c.Method == http.MethodGet && endpoint.Parse(u.Path).Kind == endpoint.KindManifest
}

func isChunk(c wire.PlannedCall) bool { return c.Method == http.MethodPatch }

func isAuthorizedWrite(c wire.PlannedCall) bool { return c.Write && c.Authorized }

func isAnonymousWrite(c wire.PlannedCall) bool { return c.Write && !c.Authorized }
