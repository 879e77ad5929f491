package htpasswd

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// maxFile is the maximum size of a file in bytes, enough for 100,000 users.
const maxFile = 16 << 20

// hash is the hash of a password.
type hash interface {
	// matches reports whether it is the hash of the password.
	matches(password string) bool
	// cost is larger for hashes that take longer.
	cost() int
}

// FileError is an error in a password file.
type FileError struct {
	Path string
	Line int // from 1; 0 if the error is not about a line
	Err  error
}

// Error names the file, the line and the cause. It does not contain the line's text.
func (e *FileError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("password file %s: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("password file %s, line %d: %v", e.Path, e.Line, e.Err)
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// ExitCode returns the code for a missing file or for failed authentication.
func (e *FileError) ExitCode() int {
	if errors.Is(e.Err, fs.ErrNotExist) {
		return 4
	}
	return 3
}

// Hint returns how to add a user to the file.
func (e *FileError) Hint() string { return "htpasswd -B FILE USER puts a user into the file" }

// parse parses a password file into hashes by user.
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
			err = fmt.Errorf("this user is already on line %d", first)
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

// parseLine parses user:hash. Like Apache it ignores everything after a second colon.
func parseLine(text string) (user string, h hash, err error) {
	user, rest, ok := strings.Cut(text, ":")
	if !ok || user == "" {
		return "", nil, errors.New("the line is not user:hash")
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
