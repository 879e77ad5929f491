package htpasswd

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// maxFile is how large a file may be, in bytes: some hundred thousand users.
const maxFile = 16 << 20

// hash is what a password is held against.
type hash interface {
	// matches tells whether it is the password's.
	matches(password string) bool
	// cost compares how long that takes.
	cost() int
}

// FileError says what is wrong with a password file.
type FileError struct {
	Path string
	Line int // counted from 1; 0 where it is about the whole file
	Err  error
}

// Error names the file, the line and the reason, and nothing of what the line says.
func (e *FileError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("password file %s: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("password file %s, line %d: %v", e.Path, e.Line, e.Err)
}

// Unwrap returns the reason.
func (e *FileError) Unwrap() error { return e.Err }

// ExitCode is that of authentication, or of a missing file.
func (e *FileError) ExitCode() int {
	if errors.Is(e.Err, fs.ErrNotExist) {
		return 4
	}
	return 3
}

// Hint says how a user gets into the file.
func (e *FileError) Hint() string { return "htpasswd -B FILE USER puts a user into the file" }

// parse reads a password file.
func parse(path string, content []byte) (map[string]hash, error) {
	users, lines := map[string]hash{}, map[string]int{}
	number := 0
	for line := range bytes.Lines(content) {
		number++
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue
		}
		user, h, err := parseLine(text)
		if first, twice := lines[user]; err == nil && twice {
			err = fmt.Errorf("this user is on line %d already", first)
		}
		if err != nil {
			return nil, &FileError{path, number, err}
		}
		users[user], lines[user] = h, number
	}
	if len(users) == 0 {
		return nil, &FileError{Path: path, Err: errors.New("there is no user in it")}
	}
	return users, nil
}

// parseLine reads user:hash. Apache looks at nothing behind a second colon.
func parseLine(text string) (user string, h hash, err error) {
	user, rest, ok := strings.Cut(text, ":")
	if !ok || user == "" {
		return "", nil, errors.New("it is not of the form user:hash")
	}
	rest, _, _ = strings.Cut(rest, ":")
	h, err = parseHash(rest)
	return user, h, err
}

func parseHash(text string) (hash, error) {
	kinds := []struct {
		prefix string
		parse  func(string) (hash, error)
	}{
		{"$2y$", parseBcrypt}, {"$2a$", parseBcrypt}, {"$2b$", parseBcrypt}, {"$apr1$", parseApr1},
	}
	for _, k := range kinds {
		if rest, ok := strings.CutPrefix(text, k.prefix); ok {
			return k.parse(rest)
		}
	}
	return nil, errors.New("the password is not hashed by bcrypt or $apr1$, and nothing else is accepted")
}
