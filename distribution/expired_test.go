package distribution_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
)

// expiringRegistry redirects to addresses of which the first ones have expired.
func expiringRegistry(t *testing.T, expired int, refuse, content http.HandlerFunc) (*fakeRegistry, *distribution.Client) {
	t.Helper()
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("signature") <= fmt.Sprint(expired) {
			refuse(w, r)
			return
		}
		content(w, r)
	}))
	t.Cleanup(storage.Close)
	s, c := serve(t)
	signature := 0
	s.HandleFunc("/v2/a/blobs/", func(w http.ResponseWriter, r *http.Request) {
		signature++
		http.Redirect(w, r, fmt.Sprintf("%s/x?signature=%d", storage.URL, signature), http.StatusTemporaryRedirect)
	})
	return s, c
}

// When a storage refuses the address that a registry redirects to, the registry is asked once more.
// No account helps against that.
func TestExpiredStorageAddress(t *testing.T) {
	expired := answer(403, "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
	for name, c := range map[string]struct {
		expired int
		refuse  http.HandlerFunc
		calls   int   // to the registry
		err     error // errors.ErrUnsupported stands for an error of no class
	}{
		"none":                  {0, expired, 1, nil},
		"one":                   {1, expired, 2, nil},
		"one, 400":              {1, answer(400, "ExpiredToken"), 2, nil},
		"every one":             {9, expired, 2, errors.ErrUnsupported},
		"none there":            {9, answer(404, "NoSuchKey"), 2, fs.ErrNotExist},
		"an account is wanted":  {9, answer(401, "", `WWW-Authenticate: Basic realm="x"`), 1, fs.ErrPermission},
		"a limit is no refusal": {9, answer(429, ""), 1, errors.ErrUnsupported},
	} {
		for _, offset := range []int64{0, 4} {
			s, client := expiringRegistry(t, c.expired, c.refuse, serveDigits)
			body, size, err := client.GetBlob(t.Context(), "a", blob.FromBytes(nil), offset)
			if err == nil {
				got, _ := io.ReadAll(body)
				body.Close()
				if string(got) != "0123456789"[offset:] || size != 10 {
					t.Errorf("%s: got %q of %d", name, got, size)
				}
			}
			var answer *distribution.Error
			if (err == nil) != (c.err == nil) || err != nil && (!errors.As(err, &answer) || !answer.Storage) {
				t.Errorf("%s: error %v", name, err)
			}
			for _, class := range []error{fs.ErrPermission, fs.ErrNotExist} {
				if errors.Is(err, class) != (c.err == class) {
					t.Errorf("%s: error %v, which is %v: %v", name, err, class, errors.Is(err, class))
				}
			}
			if n := s.count("GET "); n != c.calls {
				t.Errorf("%s: the registry is asked %d times, want %d", name, n, c.calls)
			}
		}
	}
}

// A denial of the registry itself stays one, at a path of its own that it redirects to as well.
func TestDenialOfTheRegistry(t *testing.T) {
	s, c := serve(t)
	denied := answer(403, `{"errors":[{"code":"DENIED","message":"no"}]}`)
	s.Handle("/v2/a/blobs/", denied)
	s.Handle("/v2/b/blobs/", denied)
	s.Handle("/v2/library/b/blobs/", http.RedirectHandler("/v2/b/blobs/x", http.StatusMovedPermanently))
	for _, repo := range []string{"a", "library/b"} {
		_, _, err := c.GetBlob(t.Context(), repo, blob.FromBytes(nil), 0)
		var answer *distribution.Error
		if !errors.Is(err, fs.ErrPermission) || !errors.As(err, &answer) || answer.Storage {
			t.Errorf("%s: error %v", repo, err)
		}
	}
}

// A storage may sign an address for GET only: the size is that of a GET then.
func TestHeadBlobAtStorageForGetOnly(t *testing.T) {
	serveGet := func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			answer(403, "")(w, r)
			return
		}
		serveDigits(w, r)
	}
	_, c := expiringRegistry(t, 0, nil, serveGet)
	if size, err := c.HeadBlob(t.Context(), "a", blob.FromBytes(nil)); size != 10 || err != nil {
		t.Errorf("got %d, error %v", size, err)
	}
}

// An upload whose address at a storage has expired gets a new session, once.
func TestExpiredUploadAddress(t *testing.T) {
	for expired, want := range map[int]bool{1: true, 9: false} {
		b, d := randomBlob(1000)
		stored, sessions := false, 0
		storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			if r.URL.Query().Get("signature") <= fmt.Sprint(expired) {
				w.WriteHeader(403)
				return
			}
			stored = true
			created()(w, r)
		}))
		defer storage.Close()
		s, c := serve(t)
		s.HandleFunc("POST /v2/a/b/blobs/uploads/", func(w http.ResponseWriter, r *http.Request) {
			sessions++
			answer(202, "", fmt.Sprintf("Location: %s/x?signature=%d", storage.URL, sessions))(w, r)
		})
		s.Handle("/v2/a/b/blobs/", answer(404, ""))
		repo := &distribution.Repository{Client: c, Name: "a/b"}
		_, err := repo.PutBlob(t.Context(), d, new(faultyRegistry).open(b))
		if (err == nil) != want || stored != want || errors.Is(err, fs.ErrPermission) || sessions != 2 {
			t.Errorf("%d expired: %d sessions, error %v", expired, sessions, err)
		}
	}
}
