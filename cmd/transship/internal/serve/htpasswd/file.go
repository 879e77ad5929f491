package htpasswd

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync"
)

// File is a password file. Its methods may be called concurrently.
type File struct {
	// OnError, if not nil, gets the error if the file has changed and is not valid any more. The
	// last valid version is used until it is. Set it before the first call of Authenticate.
	OnError func(error)

	path  string
	key   [32]byte      // of fingerprint
	slots chan struct{} // limits how many passwords are hashed at a time

	mu    sync.Mutex
	info  fs.FileInfo // of the last stat; nil if the file did not exist
	users *users      // of the last valid version
}

// Open reads a password file. The error is a *[FileError]. It wraps the file system's error if the
// file cannot be read.
func Open(path string) (*File, error) {
	f := &File{path: path, slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
	_, _ = rand.Read(f.key[:]) // never fails
	var err error
	f.info, f.users, err = load(path)
	return f, err
}

// load reads the file. It returns the FileInfo also with an error, unless stat failed.
func load(path string) (fs.FileInfo, *users, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, newFileError(path, err)
	}
	content, err := readRegular(path, info)
	if err != nil {
		return info, nil, newFileError(path, err)
	}
	hashes, err := parse(path, content)
	if err != nil {
		return info, nil, err
	}
	return info, newUsers(hashes), nil
}

// readRegular returns the content of a regular file. Reading a pipe could block for ever.
func readRegular(path string, info fs.FileInfo) ([]byte, error) {
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = errors.New("the file is too large")
	}
	return content, err
}

// newFileError returns a FileError that names the file only once: it unwraps a *fs.PathError.
func newFileError(path string, err error) error {
	var named *fs.PathError
	if errors.As(err, &named) {
		err = named.Err
	}
	return &FileError{Path: path, Err: err}
}

// Authenticate reports whether the file has the user with that password. An unknown user takes as
// long as the user with the slowest hash. A password that was correct before is not hashed again.
// Authenticate hashes only a few passwords at a time; it returns false if ctx ends while it waits.
func (f *File) Authenticate(ctx context.Context, user, password string) bool {
	u := f.current()
	fingerprint := f.fingerprint(password)
	if u.isVerified(user, fingerprint) {
		return true
	}
	select {
	case f.slots <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	defer func() { <-f.slots }()
	return u.isVerified(user, fingerprint) || u.check(user, password, fingerprint)
}

// Has reports whether the file has the user.
func (f *File) Has(user string) bool {
	_, found := f.current().hashes[user]
	return found
}

// fingerprint identifies a password in memory. It is an HMAC with a random key of this process.
func (f *File) fingerprint(password string) [32]byte {
	mac := hmac.New(sha256.New, f.key[:])
	mac.Write([]byte(password))
	return [32]byte(mac.Sum(nil))
}

// current returns the users of the last valid version of the file. It reads the file if it has
// changed.
func (f *File) current() *users {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, _ := os.Stat(f.path)
	if sameFile(f.info, info) {
		return f.users
	}
	info, users, err := load(f.path)
	f.info = info
	if err == nil {
		f.users = users
	} else if f.OnError != nil {
		f.OnError(err)
	}
	return f.users
}

// sameFile reports whether a file is unchanged. Nil means that it does not exist.
func sameFile(before, now fs.FileInfo) bool {
	if before == nil || now == nil {
		return before == nil && now == nil
	}
	return os.SameFile(before, now) && before.Size() == now.Size() && before.ModTime().Equal(now.ModTime())
}
