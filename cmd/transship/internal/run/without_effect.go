package run

import (
	"flag"
	"strconv"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// NoEffectFlag registers a flag that docker's command of that name has and that changes nothing
// here: it is taken, so that a script written for docker runs, and a note says why.
func (r *Run) NoEffectFlag(fs *flag.FlagSet, name, why string) {
	fs.BoolFunc(name, "docker's flag, without effect: "+why, func(value string) error {
		if _, err := strconv.ParseBool(value); err != nil {
			return err
		}
		r.withoutEffect = append(r.withoutEffect, cli.Dashed(name)+" has no effect: "+why)
		return nil
	})
}

// RefusedFlag registers a flag that docker's command of that name has, and whose meaning would be
// lost if it were ignored. value is the name of its value.
func RefusedFlag(fs *flag.FlagSet, name, value, why string) {
	fs.Func(name, "refused (docker's takes `"+value+"`): "+why, func(string) error {
		return &cli.UsageError{Message: why}
	})
}

// noteWithoutEffect prints the notes on flags that have no effect.
func (r *Run) noteWithoutEffect() {
	for _, note := range r.withoutEffect {
		r.Note("note: %s", note)
	}
}
