package cli

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFlagsMayComeAnywhere(t *testing.T) {
	for _, line := range []string{
		"--jobs 3 --flatten --size 1k A B",
		"A B --jobs 3 --flatten --size 1k",
		"A --jobs 3 B -flatten -size 1k",
		"-jobs=3 A -flatten=true B -size=1k",
		"--jobs=3 --flatten=1 A --size=1k B",
		"-j 3 A -flatten=t B --size 1KiB",
		"--jobs 9 --jobs 3 -flatten=false -flatten --size 1024 A B", // the last value counts
		"--flatten -j=3 -size 1k -- A B",
		"A --flatten -j=3 -size 1k -- B",
	} {
		fs := flag.NewFlagSet("test", flag.ContinueOnError)
		var jobs Count
		var size ByteSize
		fs.Var(&jobs, "jobs", "`N`")
		Alias(fs, "j", "jobs")
		fs.Var(&size, "size", "`size`")
		flatten := fs.Bool("flatten", false, "")
		args, err := ParseFlags(fs, strings.Fields(line))
		if got := fmt.Sprint(args, jobs, *flatten, size); err != nil || got != "[A B] 3 true 1024" {
			t.Errorf("%s: got %s, error %v", line, got, err)
		}
	}
}

// An alias has the line of its flag, also if another flag has the same usage text. Errors have the
// name that was typed.
func TestAlias(t *testing.T) {
	fs := flag.NewFlagSet("test", flag.ContinueOnError)
	quiet := fs.Bool("quiet", false, "say less")
	fs.Bool("silent", false, "say less")
	Alias(fs, "q", "quiet")
	Alias(fs, "hush", "quiet")
	want := []FlagRow{{"quiet", "-q, --quiet, --hush", "", "say less"}, {"silent", "--silent", "", "say less"}}
	if diff := cmp.Diff(want, FlagRows(fs)); diff != "" {
		t.Error(diff)
	}
	if _, err := ParseFlags(fs, []string{"-q"}); err != nil || !*quiet {
		t.Errorf("-q sets %v, error %v", *quiet, err)
	}
	if _, err := ParseFlags(fs, []string{"-q=x"}); err == nil || err.Error() != `-q must be true or false, not "x"` {
		t.Errorf("-q=x: error %v", err)
	}
}

func TestOtherArguments(t *testing.T) {
	for line, want := range map[string][]string{
		"":            nil,
		"-":           {"-"},
		"a - b":       {"a", "-", "b"},
		"-- -a --b -": {"-a", "--b", "-"},
		"a -- --":     {"a", "--"},
		"--text -- a": {"a"}, // -- is the value of --text
	} {
		fs := flag.NewFlagSet("test", flag.ContinueOnError)
		fs.String("text", "", "")
		got, err := ParseFlags(fs, strings.Fields(line))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: error %v\n%s", line, err, diff)
		}
	}
}

func TestNearest(t *testing.T) {
	words := []string{"copy", "manifest", "inspect", "tags", "login", "logout", "a", "q"}
	for typed, want := range map[string]string{
		"cpy": "copy", "coyp": "copy", "cp": "copy", "COPY": "", "mani": "manifest", "manifset": "manifest",
		"insepct": "inspect", "tag": "tags", "lgin": "login", "logut": "logout", "logo": "login",
		"x": "", "": "", "frobnicate": "", "ls": "", "push": "",
	} {
		if got := Nearest(typed, words); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", typed, got, want)
		}
	}
}

func TestByteSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "512": 512, "1b": 1, "1k": 1024, "1K": 1024, "1kib": 1024, "1KB": 1000, "4MiB": 4 << 20, "4m": 4 << 20,
		"4 MB": 4e6, "2GiB": 2 << 30, "2gb": 2e9,
		"": 0, "0": 0, "-1": 0, "1.5k": 0, "k": 0, "1x": 0, "1kk": 0, "0x10": 0, "99999999999GiB": 0, "1e3": 0,
	} {
		var got ByteSize
		if err := got.Set(text); int64(got) != want || (err == nil) != (want > 0) {
			t.Errorf("%q: got %d, error %v", text, got, err)
		}
	}
}

func FuzzFlags(f *testing.F) {
	for _, line := range []string{"", "-", "--", "a --jobs 3 b", "-j=", "--jobs", "---", "-=", "--=3", "--flatten=x", "-h", "--size 1k"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		fs := flag.NewFlagSet("test", flag.ContinueOnError)
		var jobs Count
		var size ByteSize
		fs.Var(&jobs, "jobs", "")
		Alias(fs, "j", "jobs")
		fs.Var(&size, "size", "")
		fs.Bool("flatten", false, "")
		words := strings.Split(line, " ")
		args, err := ParseFlags(fs, words)
		if err != nil && err != flag.ErrHelp && !Has[*UsageError](err) {
			t.Errorf("%q: error %v is no usage error", line, err)
		}
		if len(args) > len(words) {
			t.Errorf("%q became %q", line, args)
		}
	})
}
