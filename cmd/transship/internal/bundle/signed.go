package bundle

import (
	"context"
	"flag"
	"fmt"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/manifest/signature"
)

// signFlag is --sign, the key that a bundle is signed with.
type signFlag struct {
	path string
	key  signature.PrivateKey
}

// register registers the flag. The key is read before the run makes any call.
func (f *signFlag) register(fs *flag.FlagSet, r *run.Run) {
	fs.StringVar(&f.path, "sign", "",
		"sign the inventory with this private `key` (PEM, Ed25519 or ECDSA P-256): FILE.json.sig")
	r.Prepare(func(ctx context.Context) (err error) {
		if f.path != "" {
			f.key, err = run.ReadKey(ctx, f.path, signature.ParsePrivateKey)
		}
		return err
	})
}

// sign returns what signs a bundle, nil without the flag.
func (f *signFlag) sign() func([]byte) ([]byte, error) {
	if f.path == "" {
		return nil
	}
	return f.key.Sign
}

// keyFlag is --require-key, the keys of which one must have signed a bundle.
type keyFlag struct {
	path string
	keys []signature.PublicKey
}

// register registers the flag. The keys are read before the run makes any call.
func (f *keyFlag) register(fs *flag.FlagSet, r *run.Run) {
	fs.StringVar(&f.path, "require-key", "",
		"refuse a bundle that is not signed with this public `key` (PEM), or is not as it was signed in every byte")
	r.Prepare(func(ctx context.Context) (err error) {
		if f.path != "" {
			f.keys, err = run.ReadKey(ctx, f.path, signature.ParsePublicKeys)
		}
		return err
	})
}

// signedBundle is a bundle whose signature and bytes were verified. The zero value is none.
type signedBundle struct {
	inventory layout.Inventory
	signer    string // the fingerprint of the key
}

// verify verifies a bundle before it is opened. Without the flag it does nothing.
func (f *keyFlag) verify(ctx context.Context, path string) (*signedBundle, error) {
	if f.path == "" {
		return nil, nil
	}
	if l, err := image.ParseLocation(path); err == nil && l.IsArchive() && l.IsWhole() {
		path = l.Path
	}
	if path == "-" || image.IsFolder(path) {
		return nil, noFileError()
	}
	out := &signedBundle{}
	in, err := layout.VerifySigned(ctx, path, func(inventory, sig []byte) error {
		key, err := signature.VerifyMessage(f.keys, inventory, sig)
		if err == nil {
			out.signer = key.Fingerprint()
		}
		return err
	})
	out.inventory = in
	if cli.Has[*layout.SignatureError](err) {
		return nil, &unsignedError{err}
	}
	return out, err
}

// noFileError is the error of what has no signature of its own: one image, a folder, a stream.
func noFileError() error {
	return &cli.UsageError{
		Message: "--require-key is for whole bundles in files",
		Advice:  "transship save -o FILE.tar --sign KEY.pem writes one with its signature",
	}
}

// check checks that an open archive is the bundle that was verified.
func (s *signedBundle) check(r *run.Run, images *image.LocalImages) error {
	if s == nil {
		return nil
	}
	in, err := images.Archive.Inventory()
	if err != nil {
		return err
	}
	if in.ID != s.inventory.ID {
		return &unsignedError{fmt.Errorf("bundle %s: its files were replaced while they were read", images.Path)}
	}
	r.Note("%s is signed with the key %s", images.Path, s.signer)
	return nil
}

// unsignedError says that a bundle is refused because of its signature.
type unsignedError struct{ error }

// Unwrap returns the reason.
func (e *unsignedError) Unwrap() error { return e.error }

// ExitCode returns [cli.ExitRefused].
func (*unsignedError) ExitCode() int { return cli.ExitRefused }

// Hint says how a bundle is signed.
func (*unsignedError) Hint() string {
	return "transship save --sign KEY.pem signs a bundle; carry FILE.json and FILE.json.sig along with it"
}
