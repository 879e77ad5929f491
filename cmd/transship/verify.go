package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
)

// verifying is the command verify.
type verifying struct {
	at     *remote
	deep   bool
	asJSON bool
}

func verifyCommand() command {
	return command{
		name: "verify", args: "FILE|DIR|REF", min: 1, max: 1,
		short: "check every digest and size of a bundle, a folder or an image on a registry",
		long: `Of a bundle or another tar, and of an OCI image layout in a folder, every byte is read: each blob is held against its
digest, each reference against what is there, the documents of a bundle against its manifests, each volume against the
inventory beside it. Of an image on a registry every manifest is read, and it is asked whether each config and layer is there
with the right size; --deep reads those too.
Exit code 7 says that something is off. What is there as a file or folder is meant as that; docker://REF is on a registry.`,
		example: `transship verify monday.tar
transship verify --deep registry.example.com/hczjl/halo:1.6`,
		setup: func(fs *flag.FlagSet, a *app) action {
			v := &verifying{at: a.remoteFlags(fs, "", "the registry")}
			fs.BoolVar(&v.deep, "deep", false, "download the blobs from a registry and hash them")
			fs.BoolVar(&v.asJSON, "json", false, "print JSON for scripts")
			a.commonFlags(fs)
			a.verboseFlag(fs)
			return v.run
		},
	}
}

// verification is what verify prints as JSON.
type verification struct {
	Target   string    `json:"target"`
	OK       bool      `json:"ok"`
	Checks   int       `json:"checks"` // blobs, volumes and images that were looked at
	Bytes    int64     `json:"bytes"`  // that were read
	BuildsOn string    `json:"buildsOn,omitempty"`
	Problems []problem `json:"problems"`

	mu sync.Mutex
}

// problem is something that is off.
type problem struct {
	What   string      `json:"what"`
	Digest blob.Digest `json:"digest,omitempty"` // that it should have
	Error  string      `json:"error"`
}

// unsoundError says that a verification has found something.
type unsoundError struct {
	target       string
	problems, of int
}

// Error counts what is off.
func (e *unsoundError) Error() string {
	return fmt.Sprintf("%s: %d of %d checks failed", e.target, e.problems, e.of)
}

// ExitCode implements [coded].
func (*unsoundError) ExitCode() int { return exitIntegrity }

// Hint implements [hinted]. What is wrong is on standard output already.
func (*unsoundError) Hint() string { return "" }

func (v *verifying) run(ctx context.Context, a *app, args []string) error {
	found := &verification{Target: args[0], Problems: []problem{}}
	err := v.verify(ctx, a, args[0], found)
	if err != nil && !(v.asJSON && isIntegrity(err)) {
		return err
	}
	if err != nil {
		found.note(layout.Check{What: args[0], Err: err}) // it cannot even be opened; a script is told of that too
	}
	found.OK = len(found.Problems) == 0
	slices.SortStableFunc(found.Problems, func(a, b problem) int { return strings.Compare(a.What, b.What) })
	if err := v.print(a, found); err != nil {
		return err
	}
	if err == nil && !found.OK {
		err = &unsoundError{args[0], len(found.Problems), found.Checks}
	}
	return err
}

// verify looks at what the argument names.
func (v *verifying) verify(ctx context.Context, a *app, arg string, found *verification) error {
	if !meansRegistry(arg) || isFile(arg) {
		return verifyLocal(ctx, arg, found)
	}
	l, err := parseLocation(arg)
	if err != nil {
		return err
	}
	return v.remote(ctx, a, l.ref, found)
}

func (v *verifying) remote(ctx context.Context, a *app, ref reference.Reference, found *verification) error {
	repo, err := v.at.repository(ctx, ref, auth.Pull)
	if err != nil {
		return err
	}
	return (&remoteVerification{repo: repo, deep: v.deep, report: found.note}).run(ctx, ref.Identifier())
}

// isFile tells whether an argument means a file or folder: it is there, as such or as volumes, or is written like one.
func isFile(arg string) bool {
	if strings.HasPrefix(arg, onRegistry) {
		return false
	}
	if filepath.IsAbs(arg) || strings.HasPrefix(arg, "."+string(filepath.Separator)) || strings.HasPrefix(arg, "..") {
		return true
	}
	for _, path := range []string{arg, arg + ".001"} {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return strings.HasSuffix(arg, ".tar") || strings.HasSuffix(arg, "/")
}

// verifyLocal looks at all of a folder or tar.
func verifyLocal(ctx context.Context, arg string, found *verification) error {
	images, err := openLocal(arg)
	if err != nil {
		return err
	}
	defer images.close()
	if images.archive == nil {
		return images.dir.Verify(ctx, found.note)
	}
	if in, err := images.archive.Inventory(); err == nil && in.Base != nil {
		found.BuildsOn = in.Base.File
	}
	return images.archive.Verify(ctx, found.note)
}

// note takes a check.
func (f *verification) note(c layout.Check) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Checks++
	f.Bytes += c.Size
	if c.Err != nil {
		f.Problems = append(f.Problems, problem{oneLine(c.What), c.Digest, oneLine(c.Err.Error())})
	}
}

func (v *verifying) print(a *app, f *verification) error {
	if v.asJSON {
		return printJSON(a.stdout, f)
	}
	for _, p := range f.Problems {
		fmt.Fprintf(a.stdout, "bad: %s: %s\n", p.What, p.Error)
	}
	if a.quiet || !f.OK {
		return nil
	}
	rest := ""
	if f.BuildsOn != "" {
		rest = "; it builds on " + f.BuildsOn
	}
	fmt.Fprintf(a.stdout, "%s: sound: %d checks, %s read%s\n", f.Target, f.Checks, formatBytes(f.Bytes), rest)
	return nil
}
