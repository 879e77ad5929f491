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
	out := []assumption{{"repeats", "no call has to be repeated, and no token runs out on the way"}}
	if haveSeveralTargets(images) {
		out = append(out, assumption{"targets",
			"where an image goes to several targets at once, the calls to each of them are in order"})
	}
	if hosts := hostsOf(calls, isMountFromSeveral(calls)); len(hosts) > 0 {
		out = append(out, assumption{"order", strings.Join(hosts, ", ") +
			" gets what several images share by the first of them; without --jobs 1 that may be another one"})
	}
	for _, kind := range []struct {
		about, text string
		applies     func(wire.PlannedCall) bool
	}{
		{"mounts",
			"%s does mounts; where it does not, the blob is sent in the session that it opens instead", isMount},
		{"sessions",
			"%s says where an upload goes on, for which {session} stands; it may be another address", isUpload},
		{"chunks",
			"%s takes chunks of this size; a least size that it asks for is not known before", isChunk},
		{"rights",
			"%s lets the account write; a token may lack that without its server saying so", isAuthorizedWrite},
		{"anonymous",
			"%s asked for no credentials so far; whether it wants them for writes shows with the first one", isAnonymousWrite},
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

func isChunk(c wire.PlannedCall) bool { return c.Method == http.MethodPatch }

func isAuthorizedWrite(c wire.PlannedCall) bool { return c.Write && c.Authorized }

func isAnonymousWrite(c wire.PlannedCall) bool { return c.Write && !c.Authorized }
