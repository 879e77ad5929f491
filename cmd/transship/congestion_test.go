package main

import (
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// A congestion control that the system does not have is refused before any call.
func TestUnknownCongestionIsRefused(t *testing.T) {
	p := newProgram(t)
	p.run("copy", "--congestion", "no-such", "src.example/a:1", "dst.example/a:1").want(cli.ExitUsage, "--congestion: ")
}
