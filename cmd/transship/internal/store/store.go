// Package store is the commands of the local store, which are called and print as docker's are:
// [Pull], [Images], [Tag], [Push], [Rmi] and [Prune] each return the command of that name, and [Inspect]
// image inspect. [Origins] and [Targets] are the store for image save and load.
//
// The local store is what docker's is to its pull, tag and push. It is an OCI image layout whose
// repositories have normalised names, such as docker.io/library/halo, and share their blobs.
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
)

// storeError says that the local store cannot be used.
type storeError struct {
	path string
	err  error
}

// Error names the folder and the reason.
func (e *storeError) Error() string {
	return fmt.Sprintf("the local store %s cannot be used: %v", e.path, e.err)
}

// Unwrap returns the reason.
func (e *storeError) Unwrap() error { return e.err }

// Hint names the variable that sets the folder.
func (*storeError) Hint() string {
	return "set TRANSSHIP_STORE to a folder of yours that is empty or already a store"
}

// storeDir returns the store's folder: $TRANSSHIP_STORE, else transship in the data folder of the
// XDG Base Directory Specification. chosen reports whether the user has named it.
func storeDir(env func(string) string) (path string, chosen bool, err error) {
	if dir := env("TRANSSHIP_STORE"); dir != "" {
		return dir, true, nil
	}
	if dir := env("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "transship"), false, nil
	}
	if home := auth.HomeDir(env); home != "" {
		return filepath.Join(home, ".local", "share", "transship"), false, nil
	}
	return "", false, &cli.UsageError{
		Message: "there is no folder for the local store",
		Advice:  "set TRANSSHIP_STORE to a folder",
	}
}

// ownStoreDir returns storeDir. A folder that the user has not named must belong to the user.
func ownStoreDir(env func(string) string) (path string, err error) {
	path, chosen, err := storeDir(env)
	if err != nil || chosen {
		return path, err
	}
	if err := checkOwner(path); err != nil {
		return "", &storeError{path, err}
	}
	return path, nil
}

// openStore opens the store, and creates it if there is none.
func openStore(env func(string) string) (*layout.Dir, error) {
	path, err := ownStoreDir(env)
	if err != nil {
		return nil, err
	}
	dir, err := layout.OpenDir(path)
	if err != nil {
		return nil, &storeError{path, err}
	}
	return dir, nil
}

// readStore opens the store for reading only. It is nil if there is none. A command that only reads
// must not change a store, nor remove what looks left over in it.
func readStore(env func(string) string) (*layout.Dir, error) {
	path, err := ownStoreDir(env)
	if err != nil {
		return nil, err
	}
	dir, err := layout.OpenExisting(path)
	if err != nil {
		return nil, &storeError{path, err}
	}
	return dir, nil
}

// holdStore opens the store and keeps others from pruning it until release is called.
func holdStore(env func(string) string) (dir *layout.Dir, release func(), err error) {
	dir, err = openStore(env)
	if err != nil {
		return nil, nil, err
	}
	release, err = dir.Hold()
	return dir, release, inStore(env, err)
}

// inStore wraps an error of writing to the store in a storeError if permission was denied.
func inStore(env func(string) string, err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	path, _, _ := storeDir(env) // opening the store has succeeded
	return &storeError{path, err}
}

// rootReference returns the name of an image in the store: with its tag, else with its digest. It
// reports false for an entry of another tool whose repository is not a valid name.
func rootReference(r layout.Root) (reference.Reference, bool) {
	ref, err := reference.ParseRepository(r.Repository)
	if err != nil {
		return ref, false
	}
	if r.Tag != "" {
		return ref.WithTag(r.Tag), true
	}
	return ref.WithDigest(r.Digest), true
}

// rootName returns the short name of an image in the store.
func rootName(r layout.Root) string {
	if ref, ok := rootReference(r); ok {
		return ref.Familiar()
	}
	return r.Repository + "@" + string(r.Digest)
}

// Names returns the names of the images in the local store, none if it cannot be read. It is for
// suggestions.
func Names(env func(string) string) []string {
	dir, err := readStore(env)
	if dir == nil || err != nil {
		return nil
	}
	roots, err := dir.Roots()
	if err != nil {
		return nil
	}
	var names []string
	for _, root := range roots {
		names = append(names, rootName(root))
	}
	slices.Sort(names)
	return names
}
