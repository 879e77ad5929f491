package benchcmd

import (
	"flag"
	"fmt"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/transfer"
)

// benchCommand is a bench command and its flags.
type benchCommand struct {
	kind         bench.Kind
	flags        *flag.FlagSet
	registry     *run.Remote
	platforms    cli.PlatformList
	layers       cli.Count
	sizes        sizeList
	compressible fraction
	seed         seed
	warm         bool
	jobs         intList
	http1        bool
	http2        bool
	uploads      uploadList
	ranges       intList
	buffers      intList
	count        cli.Count
	warmups      nonNegative
	requests     cli.Count
	images       cli.Count // that bench mix reads; 0 for others
	label        string
	html         string
	limit        bool
	yes          bool
}

// defaultLayers is the number of layers of an image if neither --layers nor --size is given.
func (c *benchCommand) defaultLayers() int {
	if c.kind == bench.Mix {
		return 1
	}
	return 4
}

// helpText is the help of one kind.
type helpText struct{ args, short, long, examples string }

func helpTexts() map[bench.Kind]helpText {
	return map[bench.Kind]helpText{
		bench.Push: {"[TARGET]", "measure how fast images are pushed to a registry",
			"Each round pushes a generated image to TARGET, a repository as HOST/NAME.",
			`transship bench push
transship bench push --jobs 1,4,16 --upload put,chunk=8MiB --limit --html push.html localhost:5000/bench > new.txt`},
		bench.Pull: {"[TARGET]", "measure how fast images are pulled from a registry",
			"Each round pulls a generated image from TARGET, a repository as HOST/NAME, verifies it and drops it. The " +
				"image is pushed there before, which is not measured.",
			`transship bench pull --jobs auto,4,16 localhost:5000/bench
transship bench pull --size 1x400MiB,20x10KiB --warm localhost:5000/bench`},
		bench.Copy: {"[TARGET [SECOND]]", "measure how fast images are copied between registries",
			"Each round copies a generated image from TARGET to SECOND, repositories as HOST/NAME. Without SECOND it goes " +
				"to a registry inside the program. The image is pushed to TARGET before, which is not measured. --creds, " +
				"--cert, --key and --plain-http are for TARGET's registry.",
			"transship bench copy --platforms linux/amd64,linux/arm64 localhost:5000/bench localhost:5001/bench"},
		bench.Mount: {"[TARGET [SECOND]]",
			"measure how fast blobs are mounted between repositories",
			"Each round copies a generated image from TARGET to SECOND, repositories as HOST/NAME on one registry, by " +
				"mounting its blobs. SECOND is TARGET-mounted by default. The image is pushed to TARGET before, which is " +
				"not measured.",
			"transship bench mount --layers 50 --size 10KiB localhost:5000/bench"},
		bench.Resolve: {"[TARGET]", "measure how fast a registry returns manifests",
			"Each round asks --requests times for the manifest of a tag in TARGET, a repository as HOST/NAME, each " +
				"time by HEAD and by GET. All rounds use one generated image, which is pushed there before.",
			"transship bench resolve --jobs 1,8,32 --requests 1000 localhost:5000/bench"},
	}
}

// commonLong is the help that all kinds share.
const commonLong = `
Without TARGET a registry inside the program is measured. It hashes what it receives and stores no blobs; its processor
time counts as the program's.

Flags with several values, such as --jobs auto,4,16, make a matrix; auto is what copy does without --jobs. Each round
runs each combination once, forwards in one round and backwards in the next. Notes on standard error have the results
in words, and name the fastest combination, or say how many more rounds would tell (sign test at 5%%).

Standard output has Go's benchmark format, a line for each combination in each measured round: benchstat compares two
such files. Besides Go's units there are calls/op; ttfb-p50-ns and ttfb-p99-ns, the time to the first byte of the
response, of calls without a body; cpu-ns/B, the processor time of this program for each byte; rss-peak-bytes, its most
memory; and x-floor, the time as a multiple of the minimum that --limit has found.

%sWhat was pushed is removed from the registries, and a note says what could not be removed. Many registries free the
space only when they collect their garbage.

More than 1 GiB in all, more than an hour, or a registry that is not on this machine or a private network needs --yes.`

// warmLong is the help of --warm.
const warmLong = `Layers differ in each round and each run, so that every byte moves; --warm measures content that is already there,
under a new tag each time. `

// Bench returns the command bench push, pull, copy, mount or resolve.
func Bench(kind bench.Kind) run.Command {
	text := helpTexts()[kind]
	maxArgs, warm := 1, warmLong
	if kind == bench.Resolve {
		warm = ""
	}
	if kind == bench.Copy || kind == bench.Mount {
		maxArgs = 2
	}
	return run.Command{
		Name: "bench " + string(kind), Args: text.args, Min: 0, Max: maxArgs,
		Short: text.short, Long: text.long + "\n" + fmt.Sprintf(commonLong, warm), Example: text.examples,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := newCommand(kind)
			c.flags = fs
			c.registry = r.RemoteFlags(fs, "", "the registry")
			c.imageFlags(fs)
			c.matrixFlags(fs)
			c.outputFlags(fs, r)
			fs.BoolVar(&c.yes, "yes", false, "allow more than 1 GiB, more than an hour, and any registry")
			r.QuietFlag(fs)
			r.WaitFlags(fs)
			r.AuditFlags(fs)
			r.VerboseFlag(fs)
			return c.run
		},
	}
}

// newCommand returns a command with the defaults of its flags.
func newCommand(kind bench.Kind) *benchCommand {
	return &benchCommand{
		kind: kind, count: 6, warmups: 1, requests: 100,
		jobs: intList{parse: parseJobs}, ranges: intList{parse: parseRanges}, buffers: intList{parse: parseBuffer},
	}
}

func (c *benchCommand) imageFlags(fs *flag.FlagSet) {
	if c.kind != bench.Mix {
		fs.Var(&c.platforms, "platforms",
			"make images for these `platforms`, such as linux/amd64,linux/arm64 (default linux/amd64)")
	}
	fs.Var(&c.layers, "layers", fmt.Sprintf("`number` of layers of each platform's image (default %d)", c.defaultLayers()))
	fs.Var(&c.sizes, "size",
		"the `size` of each layer, such as 16MiB, or the number and size of all, such as 4x64MiB,20x1MiB "+
			"(default "+c.defaultSize()+")")
	fs.Var(&c.compressible, "compressible",
		"the `share` of each layer that compression removes, from 0 to 1 (default 0)")
	fs.Var(&c.seed, "seed", "generate the images from this `number` (default: another one each time)")
	if c.kind != bench.Resolve && c.kind != bench.Mix {
		fs.BoolVar(&c.warm, "warm", false, "use the same content in all rounds, so that it is already there")
	}
}

func (c *benchCommand) matrixFlags(fs *flag.FlagSet) {
	fs.Var(&c.jobs, "jobs",
		fmt.Sprintf("move this many blobs at a time, given as `N,...`; auto is as copy does without --jobs (default %d)",
			transfer.DefaultJobs))
	if c.kind == bench.Resolve {
		fs.Lookup("jobs").Usage = fmt.Sprintf(
			"make this many requests at a time, given as `N,...`; auto is as copy does without --jobs (default %d)",
			transfer.DefaultJobs)
		fs.Var(&c.requests, "requests", fmt.Sprintf("ask `N` times in each round (default %d)", c.requests))
	}
	fs.BoolVar(&c.http1, "http1", false, "do not use HTTP/2; with --http2 both are measured")
	fs.BoolVar(&c.http2, "http2", false,
		"use HTTP/2 for large blobs too, which needs TLS; with --http1 both are measured")
	if c.kind == bench.Push || c.kind == bench.Copy {
		fs.Var(&c.uploads, "upload", "how blobs are uploaded, a `list` of put (in the PUT), patch (in one PATCH) "+
			"and chunk=SIZE (a PATCH for each chunk) (default put)")
	}
	if c.kind == bench.Pull || c.kind == bench.Copy {
		fs.Var(&c.ranges, "ranges",
			"fetch each blob of 32 MiB or more by parallel range requests, 1 to 64, given as `N,...` "+
				"(default: parallel only if one connection is slow)")
	}
	if c.kind == bench.Push || c.kind == bench.Pull || c.kind == bench.Copy {
		fs.Var(&c.buffers, "buffer",
			"bytes of a large blob that are read and written at a time, given as `size,...`, such as 32KiB,256KiB; "+
				"it has an effect on uploads without TLS and on what pull reads (default: as copy does)")
	}
	fs.Var(&c.count, "count", fmt.Sprintf("measure `N` rounds (default %d)", c.count))
	fs.Var(&c.warmups, "warmup", fmt.Sprintf("run `N` rounds before the measured ones (default %d)", c.warmups))
}

// labelFlag registers --label.
func (c *benchCommand) labelFlag(fs *flag.FlagSet) {
	fs.StringVar(&c.label, "label", "", "name in the JSON what is measured, such as the registry's version, with this `text`: "+
		"bench report shows it")
}

func (c *benchCommand) outputFlags(fs *flag.FlagSet, r *run.Run) {
	r.JSONFlag(fs)
	c.labelFlag(fs)
	fs.StringVar(&c.html, "html", "", "also write a page with plots to this `file`")
	fs.BoolVar(&c.limit, "limit", false,
		"first measure what the link and SHA-256 allow, and compare the results with it")
}

// defaultSize is the size of a layer without --size. It is small for resolve, which moves no
// layers, and for mix, which makes many calls.
func (c *benchCommand) defaultSize() string {
	switch c.kind {
	case bench.Resolve:
		return "4KiB"
	case bench.Mix:
		return "64KiB"
	}
	return "16MiB"
}
