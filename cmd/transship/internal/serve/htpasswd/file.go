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

// File is a password file that is open. Its methods may be called concurrently.
type File struct {
	// OnError is told when the file has changed and cannot be used as it is now; what it said before counts until it is
	// mended. It may be nil, and must be set before the first call of Authenticate.
	OnError func(error)

	path  string
	key   [32]byte      // of the fingerprints of passwords
	turns chan struct{} // bounds how many passwords are checked at a time

	mu    sync.Mutex
	info  fs.FileInfo // of the file as it was looked at last, nil where it was not there
	users *users
}

// Open reads a password file. The error is a *[FileError], with that of the file system in it where the file cannot be
// read.
func Open(path string) (*File, error) {
	f := &File{path: path, turns: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
	_, _ = rand.Read(f.key[:]) // never fails
	var err error
	f.info, f.users, err = load(path)
	return f, err
}

// load reads the file. Of one that cannot be used it still returns what the file system says of it.
func load(path string) (fs.FileInfo, *users, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, unreadable(path, err)
	}
	content, err := read(path, info)
	if err != nil {
		return info, nil, unreadable(path, err)
	}
	hashes, err := parse(path, content)
	if err != nil {
		return info, nil, err
	}
	return info, newUsers(hashes), nil
}

// read returns the content of a regular file: a pipe would wait for its other end.
func read(path string, info fs.FileInfo) ([]byte, error) {
	if !info.Mode().IsRegular() {
		return nil, errors.New("this is no regular file")
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

// unreadable names the file once: a *fs.PathError does so too.
func unreadable(path string, err error) error {
	var named *fs.PathError
	if errors.As(err, &named) {
		err = named.Err
	}
	return &FileError{Path: path, Err: err}
}

// Authenticate tells whether the file has the user with that password. It takes as long for a user that is not there as
// for the one whose hash costs most, and next to no time for a password that was right before. Where many ask at a time
// it waits for its turn; it is false when ctx ends before that.
func (f *File) Authenticate(ctx context.Context, user, password string) bool {
	u := f.current()
	mark := f.fingerprint(password)
	if u.passed(user, mark) {
		return true
	}
	select {
	case f.turns <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	defer func() { <-f.turns }()
	return u.passed(user, mark) || u.check(user, password, mark)
}

// fingerprint stands for a password in memory. It says nothing without the key, which is made anew in each process.
func (f *File) fingerprint(password string) [32]byte {
	mac := hmac.New(sha256.New, f.key[:])
	mac.Write([]byte(password))
	return [32]byte(mac.Sum(nil))
}

// current returns what the file says now, or what it said when it was last of use.
func (f *File) current() *users {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, _ := os.Stat(f.path)
	if same(f.info, info) {
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

// same tells whether a file is the one seen before, unchanged. Either may be nil for a file that is not there.
func same(before, now fs.FileInfo) bool {
	if before == nil || now == nil {
		return before == nil && now == nil
	}
	return os.SameFile(before, now) && before.Size() == now.Size() && before.ModTime().Equal(now.ModTime())
}
