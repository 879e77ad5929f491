package serve

import (
	"flag"
	"slices"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/registry"
)

// pushFlags are the flags that say what clients may push.
type pushFlags struct {
	writable bool
	sparse   bool
	maxBlob  cli.ByteSize // 0 for no limit
	quota    cli.ByteSize // 0 for no limit
}

func (p *pushFlags) register(fs *flag.FlagSet) {
	fs.BoolVar(&p.writable, "writable", false, "let clients push to DIR and delete there")
	fs.BoolVar(&p.sparse, "sparse", false,
		"accept pushes of images and indexes that refer to content that was not pushed")
	fs.Var(&p.maxBlob, "max-blob", "refuse blobs above this `size`, such as 10GiB (default no limit)")
	fs.Var(&p.quota, "quota",
		"refuse pushes once blobs and manifests in DIR have this `size`, such as 100GiB, those not yet pruned included "+
			"(default no limit)")
}

// check refuses flags that have no effect without --writable.
func (p *pushFlags) check(fs *flag.FlagSet) error {
	var given []string
	fs.Visit(func(f *flag.Flag) {
		if slices.Contains([]string{"sparse", "max-blob", "quota", "push-users"}, f.Name) {
			given = append(given, "--"+f.Name)
		}
	})
	if p.writable || len(given) == 0 {
		return nil
	}
	return &cli.UsageError{
		Message: "without --writable clients cannot push, and there is nothing to say about it",
		Advice:  "add --writable, or leave out " + strings.Join(given, ", "),
	}
}

// store returns the store that clients push to.
func (p *pushFlags) store(dir *layout.Dir) registry.Store {
	store := registry.OnDisk(dir)
	if p.quota == 0 {
		return store
	}
	return &registry.Quota{Store: store, Limit: int64(p.quota), Size: dir.ContentSize}
}
