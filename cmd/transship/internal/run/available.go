package run

import "flag"

// AvailableFlag registers --available, for commands that copy images.
func (*Run) AvailableFlag(fs *flag.FlagSet, available *bool) {
	fs.BoolVar(available, "available", false,
		"of an image with several platforms, take those that its source has whole, and leave out the rest; "+
			"docker save and ctr export write such files")
}
