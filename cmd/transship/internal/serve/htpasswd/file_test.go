package htpasswd

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// What htpasswd makes of "anchor", by -nbB -C 4 and by -nbm, and how neither may look in an error.
const (
	anchorBcrypt = "$2y$05$uuFMglWwJnOuOx/ZindKsu/IbBm4cBRgBOLngOi/9rIulCT8cNOz6"
	anchorApr1   = "$apr1$maVDpNv2$Sp4bFpfaSu5ryps0oicJq/"
	emptyBcrypt  = "$2y$05$0VYD0aOwX6AzbNDKyZIZo.Szf3i1N7nh0FO8nsLdOpI2bOOuuQ/fW"
)

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, content string) (f *File, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "htpasswd")
	write(t, path, content)
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return f, path
}

func TestAuthenticate(t *testing.T) {
	f, _ := open(t, "# crew\r\n\r\ncaptain:"+anchorBcrypt+"\r\n  mate:"+anchorApr1+":First Mate:and more \n\t\n#x:y\nghost:"+emptyBcrypt)
	for _, test := range []struct {
		user, password string
		want           bool
	}{
		{"captain", "anchor", true}, {"captain", "anchors", false}, {"captain", "anchor", true}, {"captain", "", false},
		{"mate", "anchor", true}, {"mate", anchorApr1, false}, {"ghost", "", true}, {"ghost", "\x00", false},
		{"Captain", "anchor", false}, {"", "", false}, {"#x", "y", false}, {"nobody", "", false}, {"crew", "anchor", false},
	} {
		if got := f.Authenticate(t.Context(), test.user, test.password); got != test.want {
			t.Errorf("%q with %q: got %v", test.user, test.password, got)
		}
	}
}

// counting is a hash that counts how often it is made.
type counting struct {
	n     *int
	price int
	hash
}

func (c counting) matches(password string) bool {
	*c.n++
	time.Sleep(5 * time.Millisecond) // others come meanwhile
	return c.hash.matches(password)
}

func (c counting) cost() int { return c.price }

// A password that was right costs one hash, a wrong one each time one, and a user that is not there the costliest.
func TestCosts(t *testing.T) {
	f, _ := open(t, "captain:"+anchorBcrypt)
	cheap, dear := 0, 0
	h, _ := parseHash(anchorApr1)
	f.turns = make(chan struct{}, 1) // so that counting needs no lock
	f.users = newUsers(map[string]hash{"cheap": counting{&cheap, 1, h}, "dear": counting{&dear, 2, h}})
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			if !f.Authenticate(t.Context(), "cheap", "anchor") {
				t.Error("refused")
			}
		})
	}
	all.Wait()
	if cheap > cap(f.turns) || dear != 0 {
		t.Errorf("%d and %d hashes for 1,000 requests of one user", cheap, dear)
	}
	cheap = 0
	for i := range 3 {
		f.Authenticate(t.Context(), "cheap", "wrong")
		f.Authenticate(t.Context(), "nobody", "anchor")
		if cheap != i+1 || dear != i+1 {
			t.Errorf("%d and %d hashes for %d wrong passwords and unknown users", cheap, dear, i+1)
		}
	}
}

func TestAuthenticateWaitsForItsTurn(t *testing.T) {
	f, _ := open(t, "captain:"+anchorBcrypt)
	for range cap(f.turns) {
		f.turns <- struct{}{}
	}
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer stop()
	if f.Authenticate(ctx, "captain", "anchor") {
		t.Error("it did not wait")
	}
	<-f.turns
	if !f.Authenticate(t.Context(), "captain", "anchor") {
		t.Error("refused")
	}
}

// Users come and go without a restart; a bad version leaves things as they were, and is told of once.
func TestChanges(t *testing.T) {
	f, path := open(t, "captain:"+anchorBcrypt)
	var told []error
	f.OnError = func(err error) { told = append(told, err) }
	change := func(content string) {
		t.Helper()
		write(t, path, content)
		later := time.Now().Add(time.Duration(len(told)+1) * time.Hour) // the clock of files is coarse
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
		if len(told) != errors {
			t.Errorf("told of %v, want %d errors", told, errors)
		}
	}
	check("captain", true, 0)
	change("captain:" + anchorBcrypt + "\nmate:" + anchorApr1)
	check("mate", true, 0)
	change("mate:plain")
	check("captain", true, 1)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	check("captain", true, 2)
	if !errors.Is(told[1], fs.ErrNotExist) {
		t.Errorf("told of %v", told[1])
	}
	change("mate:" + anchorApr1)
	check("mate", true, 2)
	check("captain", false, 2)
	change("captain:" + emptyBcrypt) // another password
	check("captain", false, 2)
}

func TestBadFiles(t *testing.T) {
	for content, want := range map[string]string{
		"":                              "there is no user in it",
		"# nobody\n\n":                  "there is no user in it",
		"a:" + anchorApr1 + "\nb":       "line 2: it is not of the form user:hash",
		":" + anchorApr1:                "line 1: it is not of the form user:hash",
		"a:s3cr3t":                      "line 1: the password is not hashed by bcrypt or $apr1$",
		"#\na:{SHA}s3cr3tsUqKYSrqv18O1": "line 2: the password is not hashed",
		"a:RK9s3cr3tYXtvU":              "the password is not hashed",
		"a:$5$s3cr3t$P6BDmET1LL8":       "the password is not hashed",
		"a:$1$s3cr3t$P6BDmET1LL8":       "the password is not hashed",
		"a:$2x$05$s3cr3t":               "the password is not hashed",
		"a:":                            "the password is not hashed",
		"a:$2y$05$s3cr3t":               "the bcrypt hash is not whole",
		"a:$2y$5$" + anchorBcrypt[7:]:   "the bcrypt hash is not whole",
		"a:$2y$+5$" + anchorBcrypt[7:]:  "not whole",
		"a:$2y$03$" + anchorBcrypt[7:]:  "a cost of 3, and only 4 to 16 are accepted",
		"a:$2y$17$" + anchorBcrypt[7:]:  "line 1: the bcrypt hash has a cost of 17",
		"a:$2y$31$" + anchorBcrypt[7:]:  "a cost of 31",
		"a:" + anchorBcrypt[:59] + "*":  "a character that none has",
		"a:" + anchorBcrypt[:40] + "\r" + anchorBcrypt[41:]:      "a character that none has",
		"a:" + anchorBcrypt + "x":                                "not whole",
		"a:$apr1$maVDpNv2":                                       "the $apr1$ hash is not whole",
		"a:$apr1$maVDpNv2x$Sp4bFpfaSu5ryps0oicJq/":               "not whole",
		"a:$apr1$maVDpNv2$Sp4bFpfaSu5ryps0oicJ*/":                "not whole",
		"a:" + anchorApr1 + "\nb:" + anchorApr1 + "\na:s3cr3t":   "line 3: the password is not hashed",
		"a:" + anchorApr1 + "\n\n\na:" + anchorBcrypt + "\nb:xx": "line 4: this user is on line 1 already",
	} {
		path := filepath.Join(t.TempDir(), "htpasswd")
		write(t, path, content)
		_, err := Open(path)
		var typed *FileError
		if !errors.As(err, &typed) || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "password file "+path) {
			t.Errorf("%q: got %v, want %s", content, err, want)
			continue
		}
		if strings.Contains(err.Error(), "s3cr3t") || strings.Contains(err.Error(), "Sp4b") || strings.Contains(err.Error(), "uuFM") {
			t.Errorf("the error shows what the file says: %v", err)
		}
	}
}

func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "x")); !errors.Is(err, fs.ErrNotExist) || strings.Count(err.Error(), dir) != 1 {
		t.Errorf("got %v", err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("got %v", err)
	}
	path := filepath.Join(dir, "large")
	write(t, path, "a:"+anchorApr1)
	if err := os.Truncate(path, maxFile+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("got %v", err)
	}
}

// Whatever a file says, it is either understood or refused by its line, and no check fails in another way than false.
func FuzzParse(f *testing.F) {
	f.Add("captain:"+anchorBcrypt+"\n# x\nmate:"+anchorApr1+"\n", "anchor")
	f.Add("a:$2y$04$"+anchorBcrypt[7:]+":x", "")
	f.Add("a:$apr1$$\nb:{SHA}x\r\n:\n", "\x00")
	f.Fuzz(func(t *testing.T, content, password string) {
		hashes, err := parse("x", []byte(content))
		var typed *FileError
		if err != nil && !errors.As(err, &typed) || err == nil && len(hashes) == 0 || err != nil && typed.Line > strings.Count(content, "\n")+1 {
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
