package serve

import (
	"flag"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// pushFlags are the flags that say what clients may push.
type pushFlags struct {
	writable bool
	sparse   bool
}

func (p *pushFlags) register(fs *flag.FlagSet) {
	fs.BoolVar(&p.writable, "writable", false, "let clients push to the folder and delete there")
	fs.BoolVar(&p.sparse, "sparse", false,
		"accept sparse images and indexes, which refer to content that was not pushed")
}

// check refuses flags that have no effect without --writable.
func (p *pushFlags) check() error {
	if p.sparse && !p.writable {
		return &cli.UsageError{
			Message: "--sparse is about what clients push, and without --writable they cannot",
			Advice:  "add --writable, or leave out --sparse",
		}
	}
	return nil
}
