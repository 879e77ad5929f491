package inspect

import (
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/tagselect"
	"github.com/hczjl/transship/distribution/reference"
)

// parseTagPatterns parses REPOSITORY[:PATTERN] [PATTERN|TAG...].
func parseTagPatterns(args []string) (reference.Reference, *tagselect.Selector, error) {
	name, pattern := image.CutPattern(args[0])
	ref, err := cli.ParseRepository(name)
	if err != nil {
		return ref, nil, err
	}
	words := args[1:]
	if pattern != "" {
		words = append([]string{pattern}, words...)
	}
	patterns, err := tagselect.Parse(words...)
	return ref, patterns, err
}
