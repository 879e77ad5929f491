package distribution_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/registry"
)

// A success of the PUT that closes an upload counts if it names the blob or a HEAD finds the blob.
func TestUploadIsConfirmed(t *testing.T) {
	const page = "<html>please log in</html>"
	unnamed := func(h http.Header) { h.Del("Location"); h.Del("Docker-Content-Digest") }
	for name, c := range map[string]struct {
		rules  []registry.Rule
		stored bool
		heads  int
	}{
		"201":              {nil, true, 0},
		"201, no digest":   {[]registry.Rule{{Match: putCall, Edit: func(h http.Header) { h.Del("Docker-Content-Digest") }}}, true, 0},
		"201, no location": {[]registry.Rule{{Match: putCall, Edit: func(h http.Header) { h.Del("Location") }}}, true, 0},
		"201, nothing":     {[]registry.Rule{{Match: putCall, Edit: unnamed}}, true, 1},
		"201, not stored":  {[]registry.Rule{{Match: putCall, Status: 201}}, false, 1},
		"204, not stored":  {[]registry.Rule{{Match: putCall, Status: 204}}, false, 1},
		"202, not stored":  {[]registry.Rule{{Match: putCall, Status: 202}}, false, 1},
		"login page":       {[]registry.Rule{{Match: putCall, Status: 200, Body: page}}, false, 1},
		"only login pages": {[]registry.Rule{{Match: `^(PUT|GET|HEAD) `, Status: 200, Body: page}}, false, 1},
		"201, another digest": {[]registry.Rule{{Match: putCall, Status: 201,
			Header: map[string]string{"Docker-Content-Digest": string(blob.FromBytes(nil))}}}, false, 1},
	} {
		l := newFaultyRegistry(t, c.rules...)
		b, d := randomBlob(1000)
		_, err := l.repo.PutBlob(t.Context(), d, l.open(b))
		var untrue *distribution.NotStoredError
		if errors.As(err, &untrue) == c.stored || err != nil && c.stored {
			t.Errorf("%s: got error %v", name, err)
		}
		if n := l.Count(`^HEAD `); n != c.heads {
			t.Errorf("%s: %d HEADs, want %d", name, n, c.heads)
		}
		if c.stored {
			l.checkBlob(t, b, d)
		}
	}
}

// A mount that is said to have worked and names nothing is confirmed too; if it has not, the blob
// is uploaded.
func TestMountIsConfirmed(t *testing.T) {
	l := newFaultyRegistry(t, registry.Rule{Match: mountCall, Status: 201})
	b, d := randomBlob(1000)
	outcome, err := l.repo.PutBlob(t.Context(), d, l.open(b), "other")
	if err != nil || outcome != blob.Uploaded {
		t.Errorf("%s, error %v", outcome, err)
	}
	l.checkBlob(t, b, d)
}

// Whether an unclear success has stored something cannot be told if the question for it fails: the
// error is that of the question, not that the content is missing.
func TestUnconfirmedUpload(t *testing.T) {
	l := newFaultyRegistry(t, registry.Rule{Match: putCall, Status: 204}, registry.Rule{Match: `^HEAD `, Status: 403})
	b, d := randomBlob(1000)
	_, err := l.repo.PutBlob(t.Context(), d, l.open(b))
	var untrue *distribution.NotStoredError
	var answer *distribution.Error
	if errors.As(err, &untrue) || !errors.As(err, &answer) || answer.StatusCode != 403 ||
		!strings.Contains(err.Error(), "204 No Content, which does not show that it was stored") {
		t.Errorf("got error %v", err)
	}
}
