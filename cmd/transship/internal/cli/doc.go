// Package cli holds what all commands share and what needs no registry: flags and their values,
// help, the standard streams, text formats, exit codes, and errors that bring an exit code and a
// hint. Start from [Streams]; a command that cannot understand its arguments returns a
// [UsageError].
package cli
