package main

import (
	"runtime/debug"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

func TestVersionNamesTheCommit(t *testing.T) {
	settings := []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"}, {Key: "vcs.time", Value: "2026-11-30T04:00:00Z"},
	}
	modified := append(settings[:2:2], debug.BuildSetting{Key: "vcs.modified", Value: "true"})
	for want, info := range map[string]*debug.BuildInfo{
		" (go": nil,
		" (commit 0123456789ab of 2026-11-30T04:00:00Z, go":              {Settings: settings},
		" (commit 0123456789ab with changes of 2026-11-30T04:00:00Z, go": {Settings: modified},
	} {
		if got := newVersionDocument(info).line(); !strings.HasPrefix(got, "transship "+cli.Version+want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
