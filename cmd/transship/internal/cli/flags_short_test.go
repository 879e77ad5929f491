package cli

import (
	"flag"
	"fmt"
	"strings"
	"testing"
)

// Letters may follow one dash together, as in docker images -aq. Only the last may take a value.
func TestShortFlagsTogether(t *testing.T) {
	for line, want := range map[string]string{
		"-aq":          "true true ",
		"-qa x":        "true true ",
		"-qf k=v":      "false true k=v",
		"-aqf=k=v":     "true true k=v",
		"-aq=false":    "true false ",
		"-fq x":        "unknown flag -fq",
		"-aqz":         "unknown flag -aqz",
		"--aq":         "unknown flag --aq",
		"-qf":          "-f needs a value",
		"-aa":          "true false ",
		"-all":         "true false ",
		"-filter -all": "false false -all",
	} {
		fs := flag.NewFlagSet("test", flag.ContinueOnError)
		all, quiet, filter := fs.Bool("all", false, "x"), fs.Bool("quiet", false, "x"), fs.String("filter", "", "`KEY`")
		Alias(fs, "a", "all")
		Alias(fs, "q", "quiet")
		Alias(fs, "f", "filter")
		_, err := ParseFlags(fs, strings.Fields(line))
		got := fmt.Sprint(*all, " ", *quiet, " ", *filter)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", line, got, want)
		}
	}
}
