package main

import (
	"flag"
	"fmt"

	"github.com/hczjl/transship/distribution/transfer"
)

// jobsFlag registers --jobs of a command that does something with blobs.
func jobsFlag(fs *flag.FlagSet, jobs *count, does string) {
	fs.Var(jobs, "jobs", fmt.Sprintf("%s `N` blobs at a time (default: %d, and beside them %d of less than %d MiB)",
		does, transfer.DefaultJobs, transfer.SmallJobs, transfer.SmallBlob>>20))
}
