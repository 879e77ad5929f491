package image

import (
	"context"
	"flag"
	"fmt"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/manifest/signature"
)

// KeyFlag is --require-key, the keys of which one must have signed a bundle.
type KeyFlag struct {
	path string
	keys []signature.PublicKey
}

// Register registers the flag. The keys are read before the run makes any call.
func (f *KeyFlag) Register(fs *flag.FlagSet, r *run.Run) {
	fs.StringVar(&f.path, "require-key", "",
		"refuse a bundle that has no signature by this public `key`, a file in PEM, or has changed since it was signed")
	r.Prepare(func(ctx context.Context) (err error) {
		if f.IsOn() {
			f.keys, err = run.ReadPublicKey(ctx, f.path, signature.ParsePublicKeys)
		}
		return err
	})
}

// IsOn reports whether the flag is given.
func (f *KeyFlag) IsOn() bool { return f.path != "" }

// SignedBundle is a bundle whose signature and bytes were verified.
type SignedBundle struct {
	inventory layout.Inventory
	Signer    string // the fingerprint of the key
}

// Verify verifies a bundle before it is opened. Without the flag it does nothing, and returns nil.
func (f *KeyFlag) Verify(ctx context.Context, path string) (*SignedBundle, error) {
	if !f.IsOn() {
		return nil, nil
	}
	if l, err := ParseLocation(path); err == nil && l.IsArchive() && l.IsWhole() {
		path = l.Path
	}
	if path == "-" || IsFolder(path) {
		return nil, NoFileError()
	}
	out := &SignedBundle{}
	in, err := layout.VerifySigned(ctx, path, func(inventory, sig []byte) error {
		key, err := signature.VerifyMessage(f.keys, inventory, sig)
		if err == nil {
			out.Signer = key.Fingerprint()
		}
		return err
	})
	out.inventory = in
	if cli.Has[*layout.SignatureError](err) {
		return nil, &unsignedError{err}
	}
	return out, err
}

// NoFileError is the error of what has no signature of its own: one image, a folder, a stream.
func NoFileError() error {
	return &cli.UsageError{
		Message: "--require-key is for whole bundles in files",
		Advice:  "transship save -o FILE.tar --sign KEY.pem writes one with its signature",
	}
}

// Check checks that an open archive is the bundle that was verified. Of nil there is nothing to check.
func (s *SignedBundle) Check(r *run.Run, archive *layout.Archive) error {
	if s == nil {
		return nil
	}
	in, err := archive.Inventory()
	if err != nil {
		return err
	}
	if in.ID != s.inventory.ID {
		return &unsignedError{fmt.Errorf("bundle %s: its files were replaced while they were read", archive)}
	}
	r.Note("%s is signed with the key %s", archive, s.Signer)
	return nil
}

// unsignedError says that a bundle is refused because of its signature.
type unsignedError struct{ error }

// Unwrap returns the reason.
func (e *unsignedError) Unwrap() error { return e.error }

// ExitCode returns [cli.ExitRefused].
func (*unsignedError) ExitCode() int { return cli.ExitRefused }

// Hint says what the signature is made of.
func (*unsignedError) Hint() string {
	return "FILE.json and FILE.json.sig must be beside the bundle, unchanged, as transship save --sign KEY.pem wrote them"
}
