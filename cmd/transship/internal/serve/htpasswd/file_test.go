package htpasswd

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Hashes of "anchor" by htpasswd -nbB and -nbm, and of "" by -nbB.
const (
	anchorBcrypt = "$2y$05$uuFMglWwJnOuOx/ZindKsu/IbBm4cBRgBOLngOi/9rIulCT8cNOz6"
	anchorApr1   = "$apr1$maVDpNv2$Sp4bFpfaSu5ryps0oicJq/"
	emptyBcrypt  = "$2y$05$0VYD0aOwX6AzbNDKyZIZo.Szf3i1N7nh0FO8nsLdOpI2bOOuuQ/fW"
)

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func openFile(t testing.TB, content string) (f *File, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "htpasswd")
	writeFile(t, path, content)
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return f, path
}

func TestAuthenticate(t *testing.T) {
	f, _ := openFile(t, "# comment\r\n\r\nalice:"+anchorBcrypt+
		"\r\n  bob:"+anchorApr1+":Full Name:and more \n\t\n#x:y\ncarol:"+emptyBcrypt)
	for _, test := range []struct {
		user, password string
		want           bool
	}{
		{"alice", "anchor", true}, {"alice", "anchors", false}, {"alice", "anchor", true}, {"alice", "", false},
		{"bob", "anchor", true}, {"bob", anchorApr1, false}, {"carol", "", true}, {"carol", "\x00", false},
		{"Alice", "anchor", false}, {"", "", false}, {"#x", "y", false}, {"unknown", "", false}, {"comment", "anchor", false},
	} {
		if got := f.Authenticate(t.Context(), test.user, test.password); got != test.want {
			t.Errorf("%q with %q: got %v", test.user, test.password, got)
		}
	}
	if !f.Has("alice") || !f.Has("carol") || f.Has("Alice") || f.Has("") || f.Has("#x") {
		t.Error("Has is wrong")
	}
}

// countingHash is a hash that counts its calls.
type countingHash struct {
	n        *int
	hashCost int
	hash
}

func (c countingHash) matches(password string) bool {
	*c.n++
	time.Sleep(5 * time.Millisecond) // so that calls overlap
	return c.hash.matches(password)
}

func (c countingHash) cost() int { return c.hashCost }

// A correct password is hashed once, a wrong one each time, and that of an unknown user with the
// slowest hash.
func TestPasswordsAreHashedOnce(t *testing.T) {
	f, _ := openFile(t, "alice:"+anchorBcrypt)
	fast, slow := 0, 0
	h, _ := parseHash(anchorApr1)
	f.slots = make(chan struct{}, 1) // so that the counters need no lock
	f.users = newUsers(map[string]hash{"cheap": countingHash{&fast, 1, h}, "dear": countingHash{&slow, 2, h}})
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			if !f.Authenticate(t.Context(), "cheap", "anchor") {
				t.Error("refused")
			}
		})
	}
	all.Wait()
	if fast > cap(f.slots) || slow != 0 {
		t.Errorf("%d and %d hashes for 1,000 calls with one password", fast, slow)
	}
	fast = 0
	for i := range 3 {
		f.Authenticate(t.Context(), "cheap", "wrong")
		f.Authenticate(t.Context(), "unknown", "anchor")
		if fast != i+1 || slow != i+1 {
			t.Errorf("%d and %d hashes for %d wrong passwords and unknown users", fast, slow, i+1)
		}
	}
}

func TestAuthenticateWaitsForSlot(t *testing.T) {
	f, _ := openFile(t, "alice:"+anchorBcrypt)
	for range cap(f.slots) {
		f.slots <- struct{}{}
	}
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer stop()
	if f.Authenticate(ctx, "alice", "anchor") {
		t.Error("Authenticate did not wait")
	}
	<-f.slots
	if !f.Authenticate(t.Context(), "alice", "anchor") {
		t.Error("refused")
	}
}

// Changes of the file take effect. An invalid version is reported once and otherwise ignored.
func TestFileIsReadAgain(t *testing.T) {
	f, path := openFile(t, "alice:"+anchorBcrypt)
	var reported []error
	f.OnError = func(err error) { reported = append(reported, err) }
	change := func(content string) {
		t.Helper()
		writeFile(t, path, content)
		later := time.Now().Add(time.Duration(len(reported)+1) * time.Hour) // file times are coarse
		if err := os.Chtimes(path, later, later); err != nil {
			t.Fatal(err)
		}
	}
	check := func(user string, want bool, errors int) {
		t.Helper()
		for range 2 {
			if got := f.Authenticate(t.Context(), user, "anchor"); got != want {
				t.Errorf("%s: got %v", user, got)
			}
		}
		if len(reported) != errors {
			t.Errorf("OnError got %v, want %d errors", reported, errors)
		}
	}
	check("alice", true, 0)
	change("alice:" + anchorBcrypt + "\nbob:" + anchorApr1)
	check("bob", true, 0)
	change("bob:plain")
	check("alice", true, 1)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	check("alice", true, 2)
	if !errors.Is(reported[1], fs.ErrNotExist) {
		t.Errorf("OnError got %v", reported[1])
	}
	change("bob:" + anchorApr1)
	check("bob", true, 2)
	check("alice", false, 2)
	change("alice:" + emptyBcrypt) // another password
	check("alice", false, 2)
}

func TestFileErrors(t *testing.T) {
	for content, want := range map[string]string{
		"":                              "there is no user in it",
		"# no user\n\n":                 "there is no user in it",
		"a:" + anchorApr1 + "\nb":       "line 2: the line is not user:hash",
		":" + anchorApr1:                "line 1: the line is not user:hash",
		"a:s3cr3t":                      "line 1: the password is not hashed by bcrypt or $apr1$",
		"#\na:{SHA}s3cr3tsUqKYSrqv18O1": "line 2: the password is not hashed",
		"a:RK9s3cr3tYXtvU":              "the password is not hashed",
		"a:$5$s3cr3t$P6BDmET1LL8":       "the password is not hashed",
		"a:$1$s3cr3t$P6BDmET1LL8":       "the password is not hashed",
		"a:$2x$05$s3cr3t":               "the password is not hashed",
		"a:":                            "the password is not hashed",
		"a:$2y$05$s3cr3t":               "the bcrypt hash is incomplete",
		"a:$2y$5$" + anchorBcrypt[7:]:   "the bcrypt hash is incomplete",
		"a:$2y$+5$" + anchorBcrypt[7:]:  "is incomplete",
		"a:$2y$03$" + anchorBcrypt[7:]:  "a cost of 3; only 4 to 16 are accepted",
		"a:$2y$17$" + anchorBcrypt[7:]:  "line 1: the bcrypt hash has a cost of 17",
		"a:$2y$31$" + anchorBcrypt[7:]:  "a cost of 31",
		"a:" + anchorBcrypt[:59] + "*":  "an invalid character",
		"a:" + anchorBcrypt[:40] + "\r" + anchorBcrypt[41:]:      "an invalid character",
		"a:" + anchorBcrypt + "x":                                "is incomplete",
		"a:$apr1$maVDpNv2":                                       "the $apr1$ hash is incomplete",
		"a:$apr1$maVDpNv2x$Sp4bFpfaSu5ryps0oicJq/":               "is incomplete",
		"a:$apr1$maVDpNv2$Sp4bFpfaSu5ryps0oicJ*/":                "is incomplete",
		"a:" + anchorApr1 + "\nb:" + anchorApr1 + "\na:s3cr3t":   "line 3: the password is not hashed",
		"a:" + anchorApr1 + "\n\n\na:" + anchorBcrypt + "\nb:xx": "line 4: this user is already on line 1",
	} {
		path := filepath.Join(t.TempDir(), "htpasswd")
		writeFile(t, path, content)
		_, err := Open(path)
		var typed *FileError
		if !errors.As(err, &typed) || !strings.Contains(err.Error(), want) ||
			!strings.HasPrefix(err.Error(), "password file "+path) {
			t.Errorf("%q: got %v, want %s", content, err, want)
			continue
		}
		quotes := func(text string) bool { return strings.Contains(err.Error(), text) }
		if slices.ContainsFunc([]string{"s3cr3t", "Sp4b", "uuFM"}, quotes) {
			t.Errorf("the error has text of the file: %v", err)
		}
	}
}

func TestUnreadableFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "x")); !errors.Is(err, fs.ErrNotExist) || strings.Count(err.Error(), dir) != 1 {
		t.Errorf("got %v", err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("got %v", err)
	}
	path := filepath.Join(dir, "large")
	writeFile(t, path, "a:"+anchorApr1)
	if err := os.Truncate(path, maxFile+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("got %v", err)
	}
}

// Every file gives hashes or a FileError with a valid line, and no hash makes matches panic.
func FuzzParse(f *testing.F) {
	f.Add("alice:"+anchorBcrypt+"\n# x\nbob:"+anchorApr1+"\n", "anchor")
	f.Add("a:$2y$04$"+anchorBcrypt[7:]+":x", "")
	f.Add("a:$apr1$$\nb:{SHA}x\r\n:\n", "\x00")
	f.Fuzz(func(t *testing.T, content, password string) {
		hashes, err := parse("x", []byte(content))
		var typed *FileError
		if err == nil && len(hashes) == 0 || err != nil && !errors.As(err, &typed) {
			t.Fatalf("%q: %v", content, err)
		}
		if typed != nil && typed.Line > strings.Count(content, "\n")+1 {
			t.Fatalf("%q: %v", content, err)
		}
		for user, h := range hashes {
			if user == "" || strings.ContainsAny(user, ":\n") || h.cost() > 1<<maxCost {
				t.Errorf("user %q, cost %d", user, h.cost())
			}
			if h.cost() <= 1<<minCost {
				h.matches(password)
			}
		}
	})
}
