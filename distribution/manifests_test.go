package distribution_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// emptyDigest is the digest of {}.
const emptyDigest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

const image = `{"schemaVersion":2,"mediaType":"` + manifest.MediaTypeOCIManifest + `",` +
	`"config":{"mediaType":"` + manifest.MediaTypeOCIEmpty + `","digest":"` + emptyDigest + `","size":2},"layers":[]}`

var imageDigest = blob.FromBytes([]byte(image))

func TestGetManifestSendsTheFullAcceptList(t *testing.T) {
	s, c := serve(t)
	s.HandleFunc("GET /v2/a/b/manifests/t", func(w http.ResponseWriter, r *http.Request) {
		for _, mediaType := range manifest.Accept() {
			if !strings.Contains(r.Header.Get("Accept"), mediaType) {
				t.Errorf("Accept lacks %s", mediaType)
			}
		}
		if got := r.Header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("Accept-Encoding is %q", got)
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		io.WriteString(w, image)
	})
	m, err := c.GetManifest(t.Context(), "a/b", "t")
	if err != nil || m.Digest != imageDigest || m.MediaType != manifest.MediaTypeOCIManifest || string(m.Raw) != image {
		t.Errorf("got %+v, error %v", m.Descriptor, err)
	}
}

// The digest is that of the bytes, whatever the header says. A header that contradicts the bytes of
// a tag is reported.
func TestGetManifestIgnoresDigestHeader(t *testing.T) {
	for header, warnings := range map[string]int{
		string(blob.FromBytes(nil)):               1,
		string(blob.SHA512.Digest(nil)):           1,
		string(imageDigest):                       0,
		string(blob.SHA512.Digest([]byte(image))): 0,
		"sha256:malformed":                        0,
		"":                                        0,
	} {
		s, c := serve(t)
		var warned []string
		c.OnWarning = func(text string) { warned = append(warned, text) }
		s.Handle("GET /v2/a/manifests/t", answer(200, image, "Docker-Content-Digest: "+header,
			"Content-Type: application/vnd.oci.image.manifest.v1+json; charset=utf-8"))
		for range 2 {
			m, err := c.GetManifest(t.Context(), "a", "t")
			if err != nil || m.Digest != imageDigest {
				t.Errorf("%q: got %s, error %v", header, m.Digest, err)
			}
		}
		text := strings.Join(warned, "")
		if len(warned) != warnings || warnings > 0 && (!strings.Contains(text, header) || !strings.Contains(text, "/a:t")) {
			t.Errorf("%q: warned %q", header, warned)
		}
	}
}

func TestGetManifestVerifiesDigest(t *testing.T) {
	s, c := serve(t)
	s.Handle("GET /v2/a/manifests/", answer(200, image))
	for _, d := range []blob.Digest{imageDigest, blob.SHA512.Digest([]byte(image))} {
		m, err := c.GetManifest(t.Context(), "a", string(d))
		if err != nil || m.Digest != d {
			t.Errorf("got %s, error %v", m.Digest, err)
		}
	}
	_, err := c.GetManifest(t.Context(), "a", string(blob.FromBytes(nil)))
	var mismatch *blob.MismatchError
	if !errors.As(err, &mismatch) || mismatch.Want != blob.FromBytes(nil) || mismatch.Got != imageDigest {
		t.Errorf("got error %v", err)
	}
}

func TestGetManifestRefusesOtherDocuments(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"login page": answer(200, "<html>please log in</html>", "Content-Type: text/html"),
		"too large":  answer(200, `{"manifests":[]`+strings.Repeat(" ", manifest.MaxSize)+`}`),
		"empty":      answer(200, ""),
	} {
		s, c := serve(t)
		s.Handle("GET /v2/a/manifests/t", h)
		_, err := c.GetManifest(t.Context(), "a", "t")
		var doc *manifest.DocumentError
		if !errors.As(err, &doc) || !strings.Contains(err.Error(), c.Host+"/a:t") {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

func TestGetManifestTruncated(t *testing.T) {
	s, c := serve(t)
	s.HandleFunc("GET /v2/a/manifests/t", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, image)
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	_, err := c.GetManifest(t.Context(), "a", "t")
	var broken *distribution.RequestError
	if n := s.count("GET "); !errors.As(err, &broken) || n != 3 {
		t.Errorf("got error %v after %d calls, want 3", err, n)
	}
}

// A GET of a document whose body breaks off is repeated.
func TestTruncatedDocumentsAreRequestedAgain(t *testing.T) {
	l := newFaultyRegistry(t)
	m, err := manifest.Parse("", []byte(image))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.repo.PutManifest(t.Context(), "t", m); err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func() error{
		"manifest":  func() error { _, err := l.repo.Manifest(t.Context(), "t"); return err },
		"tags":      func() error { _, err := collectNames(l.repo.TagNames(t.Context())); return err },
		"referrers": func() error { _, err := l.repo.Referrers(t.Context(), m.Digest, ""); return err },
	} {
		l.Set(registry.Rule{Match: "^GET ", Times: 2, Cut: registry.CutResponse, After: 7})
		l.slept = nil
		if err := read(); err != nil || len(l.slept) != 2 {
			t.Errorf("%s: waited %d times, error %v", name, len(l.slept), err)
		}
	}
	l.Set(registry.Rule{Match: "^GET ", Cut: registry.CutResponse, After: 7})
	stop := errors.New("stopped")
	l.repo.Client.Sleep = func(context.Context, time.Duration) error { return stop }
	if _, err := l.repo.Manifest(t.Context(), "t"); !errors.Is(err, stop) {
		t.Errorf("got error %v", err)
	}
}

func TestRequestErrorText(t *testing.T) {
	for want, err := range map[string]error{
		"GET https://r.example.com/v2/: broken":                    errors.New("broken"),
		"GET https://r.example.com/v2/: the connection was closed": &net.OpError{Op: "write", Err: net.ErrClosed},
		"finding credentials for r.example.com: broken":            &auth.CredentialsError{Host: "r.example.com", Err: errors.New("broken")},
		"r.example.com redirects to ftp://x: refused, only http is allowed": &wire.RedirectError{
			From: "r.example.com", To: "ftp://x", Reason: "only http is allowed",
		},
	} {
		e := &distribution.RequestError{Method: "GET", URL: "https://r.example.com/v2/", Err: err}
		if e.Error() != want {
			t.Errorf("got %q, want %q", e, want)
		}
	}
}

func TestHeadManifest(t *testing.T) {
	const mediaType = "Content-Type: application/vnd.oci.image.manifest.v1+json"
	length := fmt.Sprintf("Content-Length: %d", len(image))
	for name, c := range map[string]struct {
		head http.HandlerFunc
		gets int
	}{
		"complete":         {answer(200, "", mediaType, length, "Docker-Content-Digest: "+string(imageDigest)), 0},
		"no digest":        {answer(200, "", mediaType, length), 1},
		"malformed digest": {answer(200, "", mediaType, length, "Docker-Content-Digest: sha256:abc"), 1},
		"no type":          {answer(200, "", length, "Docker-Content-Digest: "+string(imageDigest), "Content-Type: "), 1},
		"no length":        {answer(200, "", mediaType, "Docker-Content-Digest: "+string(imageDigest)), 1},
		"length of 0":      {answer(200, "", mediaType, "Content-Length: 0", "Docker-Content-Digest: "+string(imageDigest)), 1},
		"not allowed":      {answer(405, ""), 1},
		"bad request":      {answer(400, ""), 1},
		"page": {answer(200, "", "Content-Type: text/html; charset=utf-8", length,
			"Docker-Content-Digest: "+string(imageDigest)), 1},
	} {
		s, client := serve(t)
		s.Handle("HEAD /v2/a/manifests/t", c.head)
		s.Handle("GET /v2/a/manifests/t", answer(200, image))
		d, err := client.HeadManifest(t.Context(), "a", "t")
		if err != nil || d.Digest != imageDigest || d.Size != int64(len(image)) || d.MediaType != manifest.MediaTypeOCIManifest {
			t.Errorf("%s: got %+v, error %v", name, d, err)
		}
		if n := s.count("GET"); n != c.gets {
			t.Errorf("%s: %d GETs, want %d", name, n, c.gets)
		}
	}
}

// A digest that was requested is not taken from the header, which may be missing or that of another
// algorithm.
func TestHeadManifestByDigest(t *testing.T) {
	const mediaType = "Content-Type: application/vnd.oci.image.manifest.v1+json"
	length := fmt.Sprintf("Content-Length: %d", len(image))
	for name, header := range map[string]string{
		"none":  "",
		"other": "Docker-Content-Digest: " + string(blob.SHA512.Digest([]byte(image))),
	} {
		s, client := serve(t)
		s.Handle("HEAD /v2/a/manifests/"+string(imageDigest), answer(200, "", mediaType, length, header))
		d, err := client.HeadManifest(t.Context(), "a", string(imageDigest))
		if err != nil || d.Digest != imageDigest || s.count("GET") != 0 {
			t.Errorf("%s: got %+v after %d GETs, error %v", name, d, s.count("GET"), err)
		}
	}
}

func TestErrorIs(t *testing.T) {
	s, c := serve(t)
	s.Handle("/v2/a/manifests/none", answer(404,
		`{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"x":1}}]}`))
	s.Handle("/v2/a/manifests/denied", answer(403, `{"errors":[{"code":"DENIED","message":"no\u001b[31m\nsecond line"}]}`))
	s.Handle("/v2/a/manifests/html", answer(500, "<html>nginx</html>"))
	s.Handle("/v2/a/manifests/page", answer(400, "<html>\r\n<head><title>400 No required SSL certificate &amp; more</title></head>"))
	s.Handle("/v2/a/manifests/proxy", answer(502, "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"))
	s.Handle("/v2/a/manifests/storage", answer(403,
		"<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"))
	s.Handle("/v2/a/manifests/text", answer(418, "short and stout\n"))
	_, err := c.GetManifest(t.Context(), "a", "none")
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, distribution.ManifestUnknown) ||
		errors.Is(err, distribution.BlobUnknown) {
		t.Errorf("404: got %v", err)
	}
	_, err = c.GetManifest(t.Context(), "a", "denied")
	if !errors.Is(err, fs.ErrPermission) || !errors.Is(err, distribution.Denied) || strings.ContainsAny(err.Error(), "\n\x1b") {
		t.Errorf("403: got %q", err)
	}
	_, err = c.GetManifest(t.Context(), "a", "html")
	if want := "GET http://" + c.Host + "/v2/a/manifests/html: 500 Internal Server Error"; err == nil || err.Error() != want {
		t.Errorf("500: got %q, want %q", err, want)
	}
	_, err = c.HeadManifest(t.Context(), "a", "page")
	if want := "400 Bad Request: No required SSL certificate & more"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("400: got %q, want %q", err, want)
	}
	_, err = c.GetManifest(t.Context(), "a", "proxy")
	if err == nil || !strings.HasSuffix(err.Error(), "502 Bad Gateway") || strings.Count(err.Error(), "Gateway") != 1 {
		t.Errorf("502: got %q", err)
	}
	_, err = c.GetManifest(t.Context(), "a", "storage")
	if err == nil || !strings.HasSuffix(err.Error(), "403 Forbidden: Request has expired") {
		t.Errorf("403 of a storage host: got %q", err)
	}
	_, err = c.GetManifest(t.Context(), "a", "text")
	if err == nil || !strings.HasSuffix(err.Error(), "418 I'm a teapot: short and stout") {
		t.Errorf("418: got %q", err)
	}
}

func TestPutManifest(t *testing.T) {
	m, err := manifest.Parse("", []byte(image))
	if err != nil {
		t.Fatal(err)
	}
	const mediaType = "Content-Type: application/vnd.oci.image.manifest.v1+json"
	length := fmt.Sprintf("Content-Length: %d", len(image))
	there := answer(200, "", mediaType, length, "Docker-Content-Digest: "+string(imageDigest))
	other := answer(200, "", mediaType, length, "Docker-Content-Digest: "+string(blob.FromBytes(nil)))
	page := answer(200, "<html>please log in</html>", "Content-Type: text/html")
	type putCase struct {
		answer http.HandlerFunc
		head   http.HandlerFunc // nil if no HEAD is to be sent
		stored bool
	}
	for name, c := range map[string]putCase{
		"201, digest":        {answer(201, "", "Docker-Content-Digest: "+string(imageDigest)), nil, true},
		"201, sha512 digest": {answer(201, "", "Docker-Content-Digest: "+string(blob.SHA512.Digest(m.Raw))), nil, true},
		"201, tag":           {answer(201, "", "Location: /v2/a/manifests/t"), nil, true},
		"201, full URL": {answer(201, "",
			"Location: https://r.example.com/v2/a/manifests/"+strings.Replace(string(imageDigest), ":", "%3A", 1)), nil, true},
		"201, nothing":            {answer(201, ""), there, true},
		"201, nothing, not there": {answer(201, ""), answer(404, ""), false},
		"201, other digest":       {answer(201, "", "Docker-Content-Digest: "+string(blob.FromBytes(nil))), nil, false},
		"201, other sha512": {answer(201, "",
			"Docker-Content-Digest: "+string(blob.SHA512.Digest(nil))), nil, false},
		"200":              {answer(200, ""), there, true},
		"202":              {answer(202, ""), there, true},
		"204":              {answer(204, ""), there, true},
		"204, not there":   {answer(204, ""), answer(404, ""), false},
		"200, other image": {answer(200, ""), other, false},
		"login page":       {page, answer(404, ""), false},
		"only login pages": {page, page, false},
	} {
		s, client := serve(t)
		s.HandleFunc("PUT /v2/a/manifests/t", func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if string(body) != image || r.Header.Get("Content-Type") != m.MediaType || r.ContentLength != m.Size {
				t.Errorf("%s: sent %d bytes of %q", name, len(body), r.Header.Get("Content-Type"))
			}
			c.answer(w, r)
		})
		heads := 0
		if c.head != nil {
			heads = 1
			s.Handle("/v2/a/manifests/t", c.head)
		}
		_, err := client.PutManifest(t.Context(), "a", "t", m)
		var untrue *distribution.NotStoredError
		if errors.As(err, &untrue) == c.stored || err != nil && c.stored {
			t.Errorf("%s: got error %v", name, err)
		}
		if n := s.count("HEAD"); n != heads {
			t.Errorf("%s: %d HEADs, want %d", name, n, heads)
		}
	}
}

func TestPutManifestWithTags(t *testing.T) {
	s, c := serve(t)
	m, _ := manifest.Parse("", []byte(image))
	s.Handle("PUT /v2/a/manifests/", created("OCI-Tag: 1,, 1.2 ", "OCI-Tag: latest"))
	stored, err := c.PutManifest(t.Context(), "a", string(m.Digest), m, "1", "1.2")
	if err != nil || fmt.Sprintf("%q", stored.Tags) != `["1" "1.2" "latest"]` {
		t.Fatalf("got tags %q, error %v", stored.Tags, err)
	}
	if want := "PUT /v2/a/manifests/" + string(m.Digest) + "?tag=1&tag=1.2"; s.calls[0] != want {
		t.Errorf("called %q, want %q", s.calls[0], want)
	}
}

// A body that ends early without an error is requested once more, whether the manifest is asked for
// by its tag or by its digest. The second such body is taken for what the registry has.
func TestShortDocumentsAreRequestedOnceMore(t *testing.T) {
	l := newFaultyRegistry(t)
	m, err := manifest.Parse("", []byte(image))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.repo.PutManifest(t.Context(), "t", m); err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func() error{
		"by tag":    func() error { _, err := l.repo.Manifest(t.Context(), "t"); return err },
		"by digest": func() error { _, err := l.repo.Manifest(t.Context(), string(m.Digest)); return err },
		"tags":      func() error { _, err := collectNames(l.repo.TagNames(t.Context())); return err },
		"referrers": func() error { _, err := l.repo.Referrers(t.Context(), m.Digest, ""); return err },
	} {
		for _, after := range []int64{0, 7} {
			l.Set(registry.Rule{Match: "^GET ", Times: 1, Cut: registry.CutSilently, After: after})
			before := l.Count("^GET ")
			if err := read(); err != nil || l.Count("^GET ") != before+2 {
				t.Errorf("%s, once after %d bytes: %d calls, error %v", name, after, l.Count("^GET ")-before, err)
			}
			l.Set(registry.Rule{Match: "^GET ", Cut: registry.CutSilently, After: after})
			before += 2
			err := read()
			var broken *distribution.RequestError
			if err == nil || errors.As(err, &broken) || l.Count("^GET ") != before+2 {
				t.Errorf("%s, always after %d bytes: %d calls, error %v", name, after, l.Count("^GET ")-before, err)
			}
		}
	}
}

// A page of HTML that answers a DELETE does not count unless a HEAD finds nothing. Other successes
// count without a HEAD.
func TestDeleteAnsweredByAPage(t *testing.T) {
	page := registry.Rule{Match: "^DELETE ", Status: 200, Body: "<html>", Header: map[string]string{"Content-Type": "text/html"}}
	everywhere := page
	everywhere.Match = ""
	gone := registry.Rule{Match: "^HEAD ", Status: 404}
	for name, c := range map[string]struct {
		rules   []registry.Rule
		deleted bool
		heads   int
	}{
		"a registry's answer":    {nil, true, 0},
		"a page":                 {[]registry.Rule{page}, false, 1},
		"a page for every call":  {[]registry.Rule{everywhere}, false, 1},
		"a page, and it is gone": {[]registry.Rule{page, gone}, true, 1},
		"204":                    {[]registry.Rule{{Match: "^DELETE ", Status: 204}}, true, 0},
	} {
		l := newFaultyRegistry(t)
		m, err := manifest.Parse("", []byte(image))
		if err != nil {
			t.Fatal(err)
		}
		b, d := randomBlob(100)
		_, blobErr := l.repo.PutBlob(t.Context(), d, l.open(b))
		if err := errors.Join(blobErr, l.repo.PutManifest(t.Context(), "t", m)); err != nil {
			t.Fatal(err)
		}
		for what, remove := range map[string]func() error{
			"manifest": func() error { return l.repo.DeleteManifest(t.Context(), m.Digest) },
			"blob":     func() error { return l.repo.DeleteBlob(t.Context(), d.Digest) },
		} {
			l.Set(c.rules...)
			before := l.Count("^HEAD ")
			err := remove()
			var kept *distribution.NotDeletedError
			heads := l.Count("^HEAD ") - before
			if (err == nil) != c.deleted || err != nil && !errors.As(err, &kept) || heads != c.heads {
				t.Errorf("%s, %s: error %v after %d HEADs", name, what, err, heads)
			}
		}
	}
}

func TestDelete(t *testing.T) {
	s, c := serve(t)
	s.Handle("DELETE /v2/a/manifests/t", answer(202, ""))
	s.Handle("DELETE /v2/a/blobs/"+string(imageDigest), answer(405, `{"errors":[{"code":"UNSUPPORTED"}]}`))
	if err := c.DeleteManifest(t.Context(), "a", "t"); err != nil {
		t.Error(err)
	}
	if err := c.DeleteBlob(t.Context(), "a", imageDigest); !errors.Is(err, distribution.Unsupported) {
		t.Errorf("got error %v", err)
	}
}

func TestPing(t *testing.T) {
	s, c := serve(t)
	s.Handle("GET /v2/{$}", answer(200, "{}", `Warning: 299 - "old"`, `Warning: 299 - "old"`, `Warning: 110 - "stale"`))
	var warnings []string
	c.OnWarning = func(text string) { warnings = append(warnings, text) }
	for range 2 {
		if err := c.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if fmt.Sprint(warnings) != "[old]" {
		t.Errorf("got warnings %q, want one, once", warnings)
	}
}

func TestPingTellsARegistryFromAPage(t *testing.T) {
	for body, isRegistry := range map[string]bool{
		"": true, "{}": true, "true": true, "<html>Sign in</html>": false,
		"\ufeff\n <!DOCTYPE html><title>Sign in</title>": false,
	} {
		s, c := serve(t)
		s.Handle("GET /v2/{$}", answer(200, body, "Content-Type: text/html"))
		err := c.Ping(t.Context())
		if (err == nil) != isRegistry || err != nil && !errors.Is(err, distribution.ErrNotRegistry) {
			t.Errorf("%q: got error %v", body, err)
		}
	}
}
