package cli

// The exit codes. Scripts rely on their meaning, which never changes.
const (
	ExitDone        = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitAuth        = 3
	ExitNotFound    = 4
	ExitNetwork     = 5
	ExitRateLimited = 6
	ExitIntegrity   = 7
	ExitPartial     = 8
	ExitRefused     = 9
	ExitInterrupted = 130
)

// ExitMeaning is one row of the table of exit codes.
type ExitMeaning struct {
	Code    int
	Meaning string
}

// ExitMeanings returns the table of exit codes that the overview and docs/usage.md show.
func ExitMeanings() []ExitMeaning {
	return []ExitMeaning{
		{ExitDone, "done"},
		{ExitFailed, "other failure"},
		{ExitUsage, "usage: the command line cannot be understood"},
		{ExitAuth, "authentication or authorization"},
		{ExitNotFound, "not found: image, tag, platform, file, local list"},
		{ExitNetwork, "network or TLS"},
		{ExitRateLimited, "rate limited by the registry, which may ask to wait longer than --max-wait"},
		{ExitIntegrity, "integrity: content does not match its digest, size or format"},
		{ExitPartial, "one or more of several items failed"},
		{ExitRefused, "refused by a policy of this run"},
		{ExitInterrupted, "interrupted"},
	}
}
