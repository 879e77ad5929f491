package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// checkout is a clone of the commit that is released.
type checkout struct {
	dir    string
	commit string
	time   time.Time // of the commit, UTC
}

// clone clones the commit that is checked out in source, and tags it there with the version, so
// that the go command records it. The working tree must have no changes, the source must say the
// same version, and if the tag exists, it must be on this commit.
func clone(ctx context.Context, source, dir, version string) (checkout, error) {
	c := checkout{dir: dir}
	if !strings.HasPrefix(version, "v") {
		return c, fmt.Errorf("the version begins with v, such as v0.2.0, not %q", version)
	}
	changes, err := runGit(ctx, source, "status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return c, err
	}
	if changes != "" {
		return c, fmt.Errorf("%s has changes that are not committed:\n%s", source, changes)
	}
	if c.commit, err = runGit(ctx, source, "rev-parse", "HEAD"); err != nil {
		return c, err
	}
	if tagged, err := runGit(ctx, source, "rev-parse", "-q", "--verify", version+"^{commit}"); err == nil && tagged != c.commit {
		return c, fmt.Errorf("the tag %s is on commit %s, not on %s, which is checked out", version, tagged, c.commit)
	}
	// The clone has no other tags, so that none of them is recorded in place of this one.
	if _, err := runGit(ctx, source, "clone", "-q", "--no-tags", "--no-checkout", ".", dir); err != nil {
		return c, err
	}
	if _, err := runGit(ctx, dir, "-c", "advice.detachedHead=false", "checkout", "-q", c.commit); err != nil {
		return c, err
	}
	if _, err := runGit(ctx, dir, "tag", "-f", version); err != nil {
		return c, err
	}
	seconds, err := runGit(ctx, dir, "show", "-s", "--format=%ct", c.commit)
	if err != nil {
		return c, err
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return c, err
	}
	c.time = time.Unix(unix, 0).UTC()
	return c, c.checkVersion(version)
}

// checkVersion returns an error if the source says another version.
func (c checkout) checkVersion(version string) error {
	const file = "cmd/transship/internal/cli/version.go"
	text, err := os.ReadFile(filepath.Join(c.dir, file))
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("const Version = %q", strings.TrimPrefix(version, "v")); !strings.Contains(string(text), want) {
		return fmt.Errorf("%s has no line %s: commit the version first", file, want)
	}
	return nil
}

// runGit runs git in a folder and returns its output without the last newline.
func runGit(ctx context.Context, dir string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, "git", args...)
	c.Dir = dir
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}
