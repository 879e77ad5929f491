package run

import (
	"flag"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/journal"
	"github.com/hczjl/transship/distribution"
)

// uploads is the journal of a run that pushes images.
type uploads struct {
	kept    bool // the command has --no-journal
	off     bool // --no-journal
	once    sync.Once
	journal journal.Journal
}

// journalFlag registers --no-journal.
func (r *Run) journalFlag(fs *flag.FlagSet) {
	defer r.group(fs, speedFlags)()
	r.uploads.kept = true
	fs.BoolVar(&r.uploads.off, "no-journal", false, "do not note uploads of 32 MiB or more in the state folder, "+
		"from which a run after a killed one resumes them")
}

// noteUploads has a target's uploads noted in the journal. A plan makes none, and the calls of a list
// of --expect must not depend on it.
func (r *Run) noteUploads(repo *distribution.Repository) {
	u := &r.uploads
	if !u.kept || u.off || r.Planning() || r.rules.Expect != nil {
		return
	}
	u.once.Do(func() {
		u.journal.Folder = journal.Folder(r.Env)
		u.journal.Warn = func(reason string) {
			r.Note("warning: large uploads are not noted, and begin anew if this run is killed: %s", reason)
		}
	})
	repo.Journal = &u.journal
	repo.OnResume = func(d blob.Digest, offset int64) {
		r.Note("%s: the upload of %s resumes at %s", repo, d.Short(), cli.FormatBytes(offset))
	}
}
