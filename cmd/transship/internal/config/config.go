// Package config reads the configuration file: how hosts are reached, and the defaults of flags.
// [Load] finds and checks it, and [File.Host] returns what it says about one host.
package config

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// File is a configuration file that was read and checked. The zero value is none, and says nothing.
type File struct {
	Path     string            // "" if there is none
	Defaults map[string]string // of flags, by name: rate, jobs, stall, max-wait
	hosts    map[string]Host
	daemon   daemon
}

// Host is how a host is reached, where no flag says otherwise.
type Host struct {
	Mirrors      []Mirror // in the order in which they are asked
	MirrorsFrom  string   // which file names them, and where
	DigestsOnly  bool     // the mirrors are not asked for tags
	PlainHTTP    bool
	Insecure     bool   // TLS certificates are not verified
	InsecureHTTP bool   // HTTP is tried too: docker's insecure registries
	InsecureFrom string // which file says Insecure, and where
	CA           string // file with CA certificates
	Cert, Key    string // files of the client certificate
	Helper       string // credential helper, named as in docker's credHelpers
	From         string // which file says the rest, and where; "" if none does
}

// Mirror is another registry that serves a host's images.
type Mirror struct {
	Host      string // with its port if it has one
	Prefix    string // precedes the repositories' names there; may be empty
	PlainHTTP bool   // it is written with http://
}

// String returns host/prefix.
func (m Mirror) String() string { return strings.TrimSuffix(m.Host+"/"+m.Prefix, "/") }

const (
	pathVariable = "TRANSSHIP_CONFIG"
	version      = 1
	maxSize      = 256 << 10 // bytes of a file
)

// Error says what is wrong with a configuration file.
type Error struct {
	Path    string // of the file
	Line    int    // from 1
	Problem string // with the path of the member
}

// Error returns the file, the line and the problem.
func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.Path, e.Line, e.Problem) }

// ExitCode returns the exit code of an error in what the user has written.
func (*Error) ExitCode() int { return cli.ExitUsage }

// Hint says where the members are listed.
func (*Error) Hint() string {
	return "transship config -h lists the members; " + pathVariable + "=" + os.DevNull + " leaves the file out for one command"
}

// Path returns the name of the configuration file, "" if there is none: $TRANSSHIP_CONFIG, else
// transship/config.json in $XDG_CONFIG_HOME (~/.config; %AppData% on Windows), where the file need not
// exist. named reports whether the variable names it.
func Path(env func(string) string) (path string, named bool) {
	if path := env("TRANSSHIP_CONFIG"); path != "" {
		return path, true
	}
	dir := env("XDG_CONFIG_HOME")
	switch home := env("HOME"); {
	case filepath.IsAbs(dir):
	case runtime.GOOS == "windows":
		dir = env("AppData")
	case runtime.GOOS == "darwin" && home != "":
		dir = filepath.Join(home, "Library", "Application Support") // as os.UserConfigDir
	case home != "":
		dir = filepath.Join(home, ".config")
	default:
		dir = ""
	}
	if dir == "" {
		return "", false
	}
	return filepath.Join(dir, "transship", "config.json"), false
}

// Load reads the configuration file of an environment. A file that $TRANSSHIP_CONFIG does not name may
// be missing. What is wrong in it is an *[Error].
func Load(ctx context.Context, env func(string) string) (*File, error) {
	path, named := Path(env)
	if path == "" || path == os.DevNull {
		return &File{}, nil
	}
	root, err := readFile(ctx, path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return &File{}, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", pathVariable, err)
	}
	if err != nil {
		return nil, err
	}
	f := &File{Path: path, Defaults: map[string]string{}, hosts: map[string]Host{}}
	daemonPath := ""
	if err := f.read(root, &daemonPath); err != nil {
		return nil, inFile(path, err)
	}
	if daemonPath != "" {
		f.daemon, err = readDaemon(ctx, daemonPath)
	}
	return f, err
}

// readFile reads a document.
func readFile(ctx context.Context, path string) (node, error) {
	text, err := cli.ReadFile(ctx, path, maxSize)
	if err != nil {
		return node{}, err
	}
	root, err := parse([]byte(text))
	return root, inFile(path, err)
}

// inFile makes a problem an *Error.
func inFile(path string, err error) error {
	var p *problem
	if errors.As(err, &p) {
		return &Error{Path: path, Line: p.line, Problem: p.Error()}
	}
	return err
}

// read reads the document's members.
func (f *File) read(root node, daemonPath *string) error {
	versioned := false
	err := root.object(map[string]func(node) error{
		"version":       func(n node) error { versioned = true; return checkVersion(n) },
		"hosts":         func(n node) error { return n.eachMember(f.readHost) },
		"defaults":      func(n node) error { return f.readDefaults(n) },
		"docker-daemon": func(n node) error { return f.readDaemonPath(n, daemonPath) },
	})
	if err == nil && !versioned {
		err = root.problem(`the member "version" is missing; it is 1`)
	}
	return err
}

func checkVersion(n node) error {
	number, ok := n.value.(json.Number)
	if !ok {
		return n.problem("want the number 1, not %s", n.kind())
	}
	if number.String() != "1" {
		return n.problem("version %s is not known; this transship reads version %d", printable(number.String()), version)
	}
	return nil
}

// readDefaults reads the defaults of flags. Their values are checked as the flags' are.
func (f *File) readDefaults(n node) error {
	value := func(flag interface{ Set(string) error }) func(node) error {
		return func(n node) error {
			var text string
			if number, ok := n.value.(json.Number); ok {
				text = number.String()
			} else if err := n.text(&text); err != nil {
				return err
			}
			if err := flag.Set(text); err != nil {
				return n.problem("%v", err)
			}
			f.Defaults[strings.TrimPrefix(n.path, "defaults.")] = text
			return nil
		}
	}
	return n.object(map[string]func(node) error{
		"rate": value(new(cli.ByteRate)), "jobs": value(new(cli.Count)),
		"stall": value(new(cli.Timeout)), "max-wait": value(new(cli.Timeout)),
	})
}

// readDaemonPath reads docker-daemon: true for docker's own file, or the path of one.
func (f *File) readDaemonPath(n node, to *string) error {
	if use, ok := n.value.(bool); ok {
		if use {
			*to = defaultDaemon()
		}
		return nil
	}
	if _, ok := n.value.(string); !ok {
		return n.problem("want true, or the path of a daemon.json, not %s", n.kind())
	}
	return f.filePath(to)(n)
}

// filePath returns a function that sets the name of a file, which may be relative to the folder of the
// configuration file.
func (f *File) filePath(to *string) func(node) error {
	return func(n node) error {
		if err := n.text(to); err != nil {
			return err
		}
		if strings.HasPrefix(*to, "~") {
			return n.problem("%s: write the folder out: ~ is not replaced", *to)
		}
		if !filepath.IsAbs(*to) {
			*to = filepath.Join(filepath.Dir(f.Path), *to)
		}
		return nil
	}
}
