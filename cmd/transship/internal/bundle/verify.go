package bundle

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
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
)

// verifyCommand is the command verify.
type verifyCommand struct {
	at     *run.Remote
	deep   bool
	asJSON bool
}

func Verify() run.Command {
	return run.Command{
		Name: "verify", Args: "FILE|DIR|REF", Min: 1, Max: 1,
		Short: "check every digest and size of a bundle, a folder or an image on a registry",
		Long: `Of a bundle or another tar, and of an OCI image layout in a folder, every byte is read: each blob is held against its
digest, each reference against what is there, the documents of a bundle against its manifests, each volume against the
inventory beside it. Of an image on a registry every manifest is read, and it is asked whether each config and layer is there
with the right size; --deep reads those too.
Exit code 7 says that something is off. What is there as a file or folder is meant as that; docker://REF is on a registry.`,
		Example: `transship verify monday.tar
transship verify --deep registry.example.com/hczjl/halo:1.6`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			v := &verifyCommand{at: r.RemoteFlags(fs, "", "the registry")}
			fs.BoolVar(&v.deep, "deep", false, "download the blobs from a registry and hash them")
			fs.BoolVar(&v.asJSON, "json", false, "print JSON for scripts")
			r.CommonFlags(fs)
			r.VerboseFlag(fs)
			return v.run
		},
	}
}

// Verification is what verify prints as JSON.
type Verification struct {
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
func (*unsoundError) ExitCode() int { return cli.ExitIntegrity }

// Hint implements [hinted]. What is wrong is on standard output already.
func (*unsoundError) Hint() string { return "" }

func (c *verifyCommand) run(ctx context.Context, r *run.Run, args []string) error {
	found := &Verification{Target: args[0], Problems: []problem{}}
	err := c.verify(ctx, r, args[0], found)
	if err != nil && !(c.asJSON && run.IsIntegrity(err)) {
		return err
	}
	if err != nil {
		found.note(layout.Check{What: args[0], Err: err}) // it cannot even be opened; a script is told of that too
	}
	found.OK = len(found.Problems) == 0
	slices.SortStableFunc(found.Problems, func(a, b problem) int { return strings.Compare(a.What, b.What) })
	if err := c.print(r, found); err != nil {
		return err
	}
	if err == nil && !found.OK {
		err = &unsoundError{args[0], len(found.Problems), found.Checks}
	}
	return err
}

// verify looks at what the argument names.
func (c *verifyCommand) verify(ctx context.Context, r *run.Run, arg string, found *Verification) error {
	if !image.MeansRegistry(arg) || isFile(arg) {
		return verifyLocal(ctx, arg, found)
	}
	l, err := image.ParseLocation(arg)
	if err != nil {
		return err
	}
	return c.remote(ctx, r, l.Ref, found)
}

func (c *verifyCommand) remote(ctx context.Context, r *run.Run, ref reference.Reference, found *Verification) error {
	repo, err := c.at.Repository(ctx, ref, auth.Pull)
	if err != nil {
		return err
	}
	return (&remoteVerification{repo: repo, deep: c.deep, report: found.note}).run(ctx, ref.Identifier())
}

// isFile tells whether an argument means a file or folder: it is there, as such or as volumes, or is written like one.
func isFile(arg string) bool {
	if strings.HasPrefix(arg, image.OnRegistry) {
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
func verifyLocal(ctx context.Context, arg string, found *Verification) error {
	images, err := image.OpenLocal(arg)
	if err != nil {
		return err
	}
	defer images.Close()
	if images.Archive == nil {
		return images.Dir.Verify(ctx, found.note)
	}
	if in, err := images.Archive.Inventory(); err == nil && in.Base != nil {
		found.BuildsOn = in.Base.File
	}
	return images.Archive.Verify(ctx, found.note)
}

// note takes a check.
func (f *Verification) note(c layout.Check) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Checks++
	f.Bytes += c.Size
	if c.Err != nil {
		f.Problems = append(f.Problems, problem{cli.OneLine(c.What), c.Digest, cli.OneLine(c.Err.Error())})
	}
}

func (c *verifyCommand) print(r *run.Run, f *Verification) error {
	if c.asJSON {
		return cli.PrintJSON(r.Stdout, f)
	}
	for _, p := range f.Problems {
		fmt.Fprintf(r.Stdout, "bad: %s: %s\n", p.What, p.Error)
	}
	if r.Quiet || !f.OK {
		return nil
	}
	rest := ""
	if f.BuildsOn != "" {
		rest = "; it builds on " + f.BuildsOn
	}
	fmt.Fprintf(r.Stdout, "%s: sound: %d checks, %s read%s\n", f.Target, f.Checks, cli.FormatBytes(f.Bytes), rest)
	return nil
}
