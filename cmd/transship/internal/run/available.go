package run

import "flag"

// AvailableFlag registers --available, for commands that copy images.
func (*Run) AvailableFlag(fs *flag.FlagSet, available *bool) {
	fs.BoolVar(available, "available", false,
		"of an image with several platforms, take only those that its source has whole: files of "+
			"docker save and ctr export may lack some")
}
