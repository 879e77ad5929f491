package distribution_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

func collectNames(seq iter.Seq2[string, error]) (names []string, err error) {
	for name, e := range seq {
		if e != nil {
			return names, e
		}
		names = append(names, name)
	}
	return names, nil
}

func TestTagsFollowsLinks(t *testing.T) {
	for name, link := range map[string]string{
		"relative":         `</v2/a/tags/list?next_page=g%2Fx%3D&n=2>; rel="next"`,
		"absolute":         `<http://HOST/v2/a/tags/list?next_page=g%2Fx%3D&n=2>; rel="next"`,
		"with other links": `</v2/a/tags/list?first>; rel="first", </v2/a/tags/list?next_page=g%2Fx%3D&n=2>; title="a, b"; rel="x next"`,
		"no parameters":    `</v2/a/tags/list?next_page=g%2Fx%3D&n=2>`,
		"host in capitals": `<http://LOCALHOST/v2/a/tags/list?next_page=g%2Fx%3D&n=2>; rel="next"`,
		"without quotes":   `</v2/a/tags/list?next_page=g%2Fx%3D&n=2>;rel=next`,
	} {
		s, c := serve(t)
		c.Host = strings.Replace(c.Host, "127.0.0.1", "localhost", 1)
		s.HandleFunc("GET /v2/a/tags/list", func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.RawQuery {
			case "":
				hosts := strings.NewReplacer("LOCALHOST", strings.Replace(c.Host, "localhost", "LocalHost", 1), "HOST", c.Host)
				answer(200, `{"name":"a","tags":["1","2"]}`, "Link: "+hosts.Replace(link))(w, r)
			case "next_page=g%2Fx%3D&n=2":
				answer(200, `{"name":"a","tags":["3"]}`)(w, r)
			default:
				t.Errorf("%s: requested %q", name, r.URL.RawQuery)
			}
		})
		got, err := collectNames(c.Tags(t.Context(), "a", distribution.Page{}))
		if err != nil || fmt.Sprint(got) != "[1 2 3]" {
			t.Errorf("%s: got %v, error %v", name, got, err)
		}
	}
}

func TestTagsErrors(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		message string
	}{
		"loop":          {answer(200, `{"tags":["1"]}`, `Link: </v2/a/tags/list?x>; rel="next"`), "loop"},
		"other host":    {answer(200, `{"tags":["1"]}`, `Link: <http://198.51.100.1/v2/a/tags/list>; rel="next"`), "another host"},
		"no JSON":       {answer(200, `none`), "not its JSON"},
		"a web page":    {answer(200, ` <html>`), "a web page"},
		"not found":     {answer(404, `{"errors":[{"code":"NAME_UNKNOWN"}]}`), "NAME_UNKNOWN"},
		"malformed URL": {answer(200, `{"tags":["1"]}`, "Link: <http://[>; rel=\"next\""), "not a URL"},
	} {
		s, client := serve(t)
		s.Handle("/v2/a/tags/list", c.handler)
		_, err := collectNames(client.Tags(t.Context(), "a", distribution.Page{}))
		if err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

func TestTagsNull(t *testing.T) {
	s, c := serve(t)
	s.Handle("/v2/a/tags/list", answer(200, `{"name":"a","tags":null}`))
	if got, err := collectNames(c.Tags(t.Context(), "a", distribution.Page{})); err != nil || len(got) != 0 {
		t.Errorf("got %v, error %v", got, err)
	}
}

func TestListingStopsWithTheLoop(t *testing.T) {
	s, c := serve(t)
	s.Handle("/v2/a/tags/list", answer(200, `{"tags":["1","2"]}`, `Link: </v2/a/tags/list?more>; rel="next"`))
	s.Handle("/v2/_catalog", answer(200, `{"repositories":["x"]}`))
	for range c.Tags(t.Context(), "a", distribution.Page{Size: 2, Last: "0"}) {
		break
	}
	if got, err := collectNames(c.Catalog(t.Context(), distribution.Page{})); err != nil || fmt.Sprint(got) != "[x]" {
		t.Errorf("got %v, error %v", got, err)
	}
	if want := "[GET /v2/a/tags/list?last=0&n=2 GET /v2/_catalog]"; fmt.Sprint(s.calls) != want {
		t.Errorf("called %v, want %s", s.calls, want)
	}
}

const subject = blob.Digest("sha256:668f4ec33f099f6b47c73af97432fda1b94ca40e61af5bd7ef0584d70ea565ed")

// referrerJSON is a descriptor in a list of referrers.
func referrerJSON(digest blob.Digest, artifactType string) string {
	return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":3,"artifactType":%q}`,
		manifest.MediaTypeOCIManifest, digest, artifactType)
}

func referrersJSON(entries ...string) string {
	return fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[%s]}`,
		manifest.MediaTypeOCIIndex, strings.Join(entries, ","))
}

// withoutReferrersAPI are the faults that make a registry one without the referrers API.
func withoutReferrersAPI() []registry.Rule {
	return []registry.Rule{
		{Match: "/referrers/", Status: 404},
		{Edit: func(h http.Header) { h.Del("OCI-Subject") }},
	}
}

const indexType = "Content-Type: application/vnd.oci.image.index.v1+json"

func TestReferrers(t *testing.T) {
	a, b := blob.FromBytes([]byte("a")), blob.FromBytes([]byte("b"))
	s, c := serve(t)
	s.HandleFunc("/v2/r/referrers/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page") == "2" {
			answer(200, referrersJSON(referrerJSON(b, "y")), indexType)(w, r)
			return
		}
		answer(200, referrersJSON(referrerJSON(a, "x")), indexType, `Link: <`+r.URL.Path+`?page=2>; rel="next"`)(w, r)
	})
	all, err := c.Referrers(t.Context(), "r", subject, "")
	if err != nil || len(all) != 2 || all[0].Digest != a || all[1].Digest != b {
		t.Errorf("got %+v, error %v", all, err)
	}
	// A registry may leave the filtering to the client.
	some, err := c.Referrers(t.Context(), "r", subject, "y")
	if err != nil || len(some) != 1 || some[0].Digest != b {
		t.Errorf("filtered: got %+v, error %v", some, err)
	}
}

func TestReferrersFallsBackToTag(t *testing.T) {
	a := blob.FromBytes([]byte("a"))
	for name, h := range map[string]http.HandlerFunc{
		"404":        answer(404, "404 page not found"),
		"400":        answer(400, ""),
		"405":        answer(405, ""),
		"406":        answer(406, ""),
		"wrong type": answer(200, `<html>`, "Content-Type: text/html"),
	} {
		s, c := serve(t)
		s.Handle("/v2/r/referrers/", h)
		s.Handle("/v2/r/manifests/"+distribution.ReferrersTag(subject), answer(200, referrersJSON(referrerJSON(a, "x")), indexType))
		for range 2 {
			list, err := c.Referrers(t.Context(), "r", subject, "x")
			if err != nil || len(list) != 1 || list[0].Digest != a {
				t.Errorf("%s: got %+v, error %v", name, list, err)
			}
		}
		if n := s.count("GET /v2/r/referrers/"); n != 1 {
			t.Errorf("%s: %d calls of the API, want 1", name, n)
		}
	}
}

func TestReferrersNone(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"no tag":                          answer(404, ""),
		"GitLab answers with the subject": answer(200, image),
		"other content":                   answer(200, strings.Replace(image, "{", "{ ", 1)),
	} {
		s, c := serve(t)
		s.Handle("/v2/r/manifests/", h)
		list, err := c.Referrers(t.Context(), "r", imageDigest, "")
		if err != nil || len(list) != 0 {
			t.Errorf("%s: got %+v, error %v", name, list, err)
		}
	}
}

// The examples of distribution-spec, "Referrers Tag Schema".
func TestReferrersTag(t *testing.T) {
	a := strings.Repeat("a", 128)
	for d, want := range map[blob.Digest]string{
		blob.Digest("sha256:" + a[:64]): "sha256-" + a[:64],
		blob.Digest("sha512:" + a):      "sha512-" + a[:64],
		"test+algorithm+using+algorithm+separators+and+lots+of+characters+to+excercise+overall+truncation:alsoSome=InTheEncodedSectionToShowHyphenReplacementAndLotsAndLotsOfCharactersToExcerciseEncodedTruncation": "test-algorithm-using-algorithm-s-alsoSome-InTheEncodedSectionToShowHyphenReplacementAndLotsAndLot",
		"x:/../../victim/manifests/latest": "x--..-..-victim-manifests-latest",
	} {
		if got := distribution.ReferrersTag(d); got != want {
			t.Errorf("%s: got %s, want %s", d, got, want)
		}
	}
}

// An error about the repository or the digest does not show that the registry has no API.
func TestReferrersKeepsUsingAPI(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"no such repository": answer(404, `{"errors":[{"code":"NAME_UNKNOWN"}]}`),
		"no such manifest":   answer(404, `{"errors":[{"code":"MANIFEST_UNKNOWN"}]}`),
		"no such algorithm":  answer(400, `{"errors":[{"code":"DIGEST_INVALID"}]}`),
	} {
		s, c := serve(t)
		s.Handle("/v2/r/referrers/", h)
		s.Handle("/v2/other/referrers/", answer(200, referrersJSON(referrerJSON(subject, "x")), indexType))
		if list, err := c.Referrers(t.Context(), "r", subject, ""); err != nil || len(list) != 0 {
			t.Errorf("%s: got %+v, error %v", name, list, err)
		}
		if list, err := c.Referrers(t.Context(), "other", subject, ""); err != nil || len(list) != 1 {
			t.Errorf("%s: other repository: got %+v, error %v", name, list, err)
		}
	}
}

// An image under the referrers tag is not overwritten.
func TestReferrersTagWithOtherContent(t *testing.T) {
	l := newFaultyRegistry(t, withoutReferrersAPI()...)
	subject, err := manifest.Parse("", []byte(image))
	if err != nil {
		t.Fatal(err)
	}
	tag := distribution.ReferrersTag(subject.Digest)
	for _, other := range []string{
		strings.Replace(image, `"layers"`, `"x":1,"layers"`, 1),
		`{"schemaVersion":2,"mediaType":"` + manifest.MediaTypeDockerList + `","manifests":[]}`,
	} {
		m, err := manifest.Parse("", []byte(other))
		if err != nil {
			t.Fatal(err)
		}
		if err := l.repo.PutManifest(t.Context(), tag, m); err != nil {
			t.Fatal(err)
		}
		if list, err := l.repo.Referrers(t.Context(), subject.Digest, ""); err != nil || len(list) != 0 {
			t.Errorf("got %+v, error %v", list, err)
		}
		referrer := manifestWithSubject(t, subject.Descriptor, "a")
		err = l.repo.PutManifest(t.Context(), string(referrer.Digest), referrer)
		if err == nil || !strings.Contains(err.Error(), tag+" is not a list of referrers") {
			t.Errorf("got error %v", err)
		}
		if d, err := l.repo.HeadManifest(t.Context(), tag); err != nil || d.Digest != m.Digest {
			t.Errorf("the tag has changed to %s, error %v", d.Digest, err)
		}
	}
}

// manifestWithSubject is a manifest with a subject.
func manifestWithSubject(t *testing.T, subject manifest.Descriptor, text string) manifest.Manifest {
	t.Helper()
	raw, err := manifest.Style{}.EncodeImage(manifest.Image{
		SchemaVersion: 2,
		MediaType:     manifest.MediaTypeOCIManifest,
		ArtifactType:  "application/" + text,
		Config:        &manifest.Descriptor{MediaType: manifest.MediaTypeOCIEmpty, Digest: emptyDigest, Size: 2},
		Subject:       &manifest.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size},
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Parse("", raw)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The index is read, extended and written again, so concurrent updates could lose entries.
func TestConcurrentReferrersTagUpdates(t *testing.T) {
	l := newFaultyRegistry(t, withoutReferrersAPI()...)
	subjects := []manifest.Descriptor{
		{MediaType: manifest.MediaTypeOCIManifest, Digest: imageDigest, Size: int64(len(image))},
		{MediaType: manifest.MediaTypeOCIManifest, Digest: blob.SHA512.Digest([]byte(image)), Size: int64(len(image))},
	}
	const each = 8
	var group sync.WaitGroup
	for i := range each * len(subjects) {
		m := manifestWithSubject(t, subjects[i%len(subjects)], fmt.Sprint(i))
		group.Go(func() {
			if err := l.repo.PutManifest(t.Context(), string(m.Digest), m); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, d := range subjects {
		list, err := l.repo.Referrers(t.Context(), d.Digest, "")
		if err != nil || len(list) != each {
			t.Errorf("%s: %d listed, want %d; error %v", d.Digest.Algorithm(), len(list), each, err)
		}
	}
}

func TestReferrersTagLockStopsWithContext(t *testing.T) {
	s, c := serve(t)
	requested, release := make(chan struct{}), make(chan struct{})
	s.HandleFunc("PUT /v2/r/manifests/", created())
	s.HandleFunc("GET /v2/r/manifests/", func(w http.ResponseWriter, r *http.Request) {
		close(requested)
		<-release
		answer(404, "")(w, r)
	})
	repo := &distribution.Repository{Client: c, Name: "r"}
	d := manifest.Descriptor{MediaType: manifest.MediaTypeOCIManifest, Digest: subject, Size: 5}
	first, second := manifestWithSubject(t, d, "a"), manifestWithSubject(t, d, "b")
	done := make(chan error)
	go func() { done <- repo.PutManifest(t.Context(), string(first.Digest), first) }()
	<-requested
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("stopped")
	time.AfterFunc(10*time.Millisecond, func() { cancel(cause) })
	if err := repo.PutManifest(ctx, string(second.Digest), second); !errors.Is(err, cause) {
		t.Errorf("got error %v", err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestReferrersMalformed(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"no JSON":      answer(200, "{", indexType),
		"bad digest":   answer(200, referrersJSON(referrerJSON("sha256:x", "")), indexType),
		"a name twice": answer(200, `{"manifests":[],"annotations":{"a":"1","a":"2"}}`, indexType),
	} {
		s, c := serve(t)
		s.Handle("/v2/r/referrers/", h)
		if _, err := c.Referrers(t.Context(), "r", subject, ""); err == nil || !strings.Contains(err.Error(), "list of referrers") {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

func TestReferrersDenied(t *testing.T) {
	s, c := serve(t)
	s.Handle("/v2/r/referrers/", answer(403, ""))
	if _, err := c.Referrers(t.Context(), "r", subject, ""); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got error %v", err)
	}
}

func TestPutManifestUpdatesReferrersTag(t *testing.T) {
	const signature = `{"schemaVersion":2,"mediaType":"` + manifest.MediaTypeOCIManifest + `",` +
		`"config":{"mediaType":"application/x","digest":"` + emptyDigest + `","size":2},"layers":[],` +
		`"subject":{"mediaType":"` + manifest.MediaTypeOCIManifest + `","digest":"` + string(subject) + `","size":5},` +
		`"annotations":{"k":"v"}}`
	m, err := manifest.Parse("", []byte(signature))
	if err != nil {
		t.Fatal(err)
	}
	first := fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d,"annotations":{"k":"v"},"artifactType":"application/x"}`,
		m.MediaType, m.Digest, m.Size)
	old := referrerJSON(blob.FromBytes([]byte("old")), "y")
	for name, c := range map[string]struct {
		header string
		tag    http.HandlerFunc
		want   string // what is put under the tag
	}{
		"registry lists it": {header: "OCI-Subject: " + string(subject)},
		"first referrer":    {tag: answer(404, ""), want: referrersJSON(first)},
		"second referrer":   {tag: answer(200, referrersJSON(old), indexType), want: string(m.Digest)},
		"listed already":    {tag: answer(200, referrersJSON(referrerJSON(m.Digest, "x")), indexType)},
	} {
		s, client := serve(t)
		put := ""
		tag := "/v2/r/manifests/" + distribution.ReferrersTag(subject)
		s.Handle("PUT /v2/r/manifests/{ref}", created(c.header))
		if c.tag != nil {
			s.Handle("GET "+tag, c.tag)
			s.HandleFunc("PUT "+tag, func(w http.ResponseWriter, r *http.Request) {
				b := make([]byte, r.ContentLength)
				r.Body.Read(b)
				put = string(b)
				created()(w, r)
			})
		}
		repo := &distribution.Repository{Client: client, Name: "r"}
		if err := repo.PutManifest(t.Context(), string(m.Digest), m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if name == "first referrer" && put != c.want || !strings.Contains(put, c.want) || c.want == "" && put != "" {
			t.Errorf("%s: put %q, want %q", name, put, c.want)
		}
		if name == "second referrer" && !strings.Contains(put, old[:60]) {
			t.Errorf("%s: the first referrer is missing: %q", name, put)
		}
	}
}
