package cli

// Failure says why something failed, in a document of --json. The zero value says that nothing did.
type Failure struct {
	Error    string `json:"error,omitempty"`    // in one line, without secrets
	ExitCode int    `json:"exitCode,omitempty"` // the program's, if nothing else fails
	Hint     string `json:"hint,omitempty"`     // what the user can try
}

// Outcome is how a command ended. Each document of --json has its members.
type Outcome struct {
	OK bool `json:"ok"` // the exit code is 0
	Failure
}

// SetOutcome sets the members of the document that o is embedded in.
func (o *Outcome) SetOutcome(outcome Outcome) { *o = outcome }
