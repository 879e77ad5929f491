package bundle

import (
	"context"
	"flag"

	"github.com/hczjl/transship/cmd/transship/internal/run"
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
			f.key, err = run.ReadPrivateKey(ctx, f.path, signature.ParsePrivateKey)
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
