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
	json         bool
	html         string
	limit        bool
	yes          bool
}

// defaultLayers is the number of layers of an image if neither --layers nor --size is given.
const defaultLayers = 4

// helpText is the help of one kind.
type helpText struct{ args, short, long, examples string }

func helpTexts() map[bench.Kind]helpText {
	return map[bench.Kind]helpText{
		bench.Push: {"[TARGET]", "measure how fast images go into a registry",
			"Each round pushes a synthetic image to the repository TARGET.",
			`transship bench push
transship bench push --jobs 1,4,16 --upload put,chunk=8MiB --limit --html push.html localhost:5000/bench > new.txt`},
		bench.Pull: {"[TARGET]", "measure how fast images come out of a registry",
			"Each round pulls an image that was pushed to the repository TARGET before; it is verified and dropped.",
			`transship bench pull --jobs auto,4,16 localhost:5000/bench
transship bench pull --size 1x400MiB,20x10KiB --warm localhost:5000/bench`},
		bench.Copy: {"[TARGET [SECOND]]", "measure how fast images go from one registry to another",
			"Each round copies an image that was pushed to TARGET before to SECOND, or to an embedded registry without it.",
			"transship bench copy --platforms linux/amd64,linux/arm64 localhost:5000/bench localhost:5001/bench"},
		bench.Mount: {"[TARGET [SECOND]]", "measure mounts from one repository of a registry to another",
			"Each round copies an image that was pushed to TARGET before to SECOND, by default TARGET-mounted, on the same registry.",
			"transship bench mount --layers 50 --size 10KiB localhost:5000/bench"},
		bench.Resolve: {"[TARGET]", "measure how fast a registry finds manifests",
			"Each round asks --requests times for the manifest of a tag, by HEAD and by GET. One image serves all rounds.",
			"transship bench resolve --jobs 1,8,32 --requests 1000 localhost:5000/bench"},
	}
}

// commonLong is the help that all kinds share.
const commonLong = `
Without TARGET a registry inside the program is measured. It hashes what it gets and keeps no bytes of blobs; its
processor time counts as the program's.

Flags with several values, such as --jobs auto,4,16, make a matrix; auto is what copy does without --jobs. In every round
each combination has its turn, forwards in one round and backwards in the next. What is printed is Go's benchmark
format, a line for each turn that is measured: benchstat compares two such files. Beside the usual units, ttfb-p50-ns
and ttfb-p99-ns are the time until the first byte of the answer, of calls without a body; cpu-ns/B is the processor time
of this program for each byte, rss-peak-bytes its memory, x-floor the time in multiples of what --limit has found to be
the least.

Layers are different in each round and each run, so that every byte moves; --warm measures what is there already, under
a new tag each time. What was put into registries is removed; what a registry does not remove is told of. Many a registry
frees the room of what was removed only when it collects its garbage.

Above 1 GiB in all, for more than an hour, or with a registry that is not on this machine or a private network, --yes is
needed.`

// Bench returns the command bench push, pull, copy, mount or resolve.
func Bench(kind bench.Kind) run.Command {
	text := helpTexts()[kind]
	maxArgs := 1
	if kind == bench.Copy || kind == bench.Mount {
		maxArgs = 2
	}
	return run.Command{
		Name: "bench " + string(kind), Args: text.args, Min: 0, Max: maxArgs,
		Short: text.short, Long: text.long + "\n" + commonLong, Example: text.examples,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := newCommand(kind)
			c.registry = r.RemoteFlags(fs, "", "the registry")
			c.imageFlags(fs)
			c.matrixFlags(fs)
			c.outputFlags(fs)
			fs.BoolVar(&c.yes, "yes", false, "go beyond the bounds that keep a benchmark from doing harm by accident")
			fs.BoolVar(&r.Quiet, "quiet", false, "print nothing but results and errors")
			cli.Alias(fs, "q", "quiet")
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
		jobs: intList{parse: parseJobs}, ranges: intList{parse: parseCount}, buffers: intList{parse: parseBuffer},
	}
}

func (c *benchCommand) imageFlags(fs *flag.FlagSet) {
	fs.Var(&c.platforms, "platforms", "make images for these platforms, as `os/arch[/variant],...` (default linux/amd64)")
	fs.Var(&c.layers, "layers", fmt.Sprintf("layers of each platform's image, a `number` (default %d)", defaultLayers))
	fs.Var(&c.sizes, "size",
		"the `size` of each layer, such as 16MiB, or of all of them, such as 4x64MiB,20x1MiB (default "+c.defaultSize()+")")
	fs.Var(&c.compressible, "compressible", "the `part` of each layer that compression takes out, from 0 to 1 (default 0)")
	fs.Var(&c.seed, "seed", "the `number` that images are made from (default: another one each time)")
	if c.kind != bench.Resolve {
		fs.BoolVar(&c.warm, "warm", false, "the same content in all rounds, so that it is there already")
	}
}

func (c *benchCommand) matrixFlags(fs *flag.FlagSet) {
	fs.Var(&c.jobs, "jobs",
		fmt.Sprintf("move `N,...` blobs at a time; auto is as many as the registries take (default %d)", transfer.DefaultJobs))
	if c.kind == bench.Resolve {
		fs.Lookup("jobs").Usage = fmt.Sprintf(
			"make `N,...` requests at a time; auto is as many as the registry takes (default %d)", transfer.DefaultJobs)
		fs.Var(&c.requests, "requests", fmt.Sprintf("ask `N` times in each round (default %d)", c.requests))
	}
	fs.BoolVar(&c.http1, "http1", false, "do not use HTTP/2; with --http2 both are measured")
	fs.BoolVar(&c.http2, "http2", false, "use HTTP/2, for large blobs too, which needs TLS; with --http1 both are measured")
	if c.kind == bench.Push || c.kind == bench.Copy {
		fs.Var(&c.uploads, "upload", "how blobs go out, a `list` of put, patch and chunk=SIZE (default put)")
	}
	if c.kind == bench.Pull || c.kind == bench.Copy {
		fs.Var(&c.ranges, "ranges",
			"fetch each blob of 32 MiB and more in `N,...` ranges at a time, at most 64, 1 for none (default: where one connection is slow)")
	}
	if c.kind == bench.Push || c.kind == bench.Pull || c.kind == bench.Copy {
		fs.Var(&c.buffers, "buffer",
			"read and write this `size,...` of a large blob at a time, such as 32KiB,256KiB, "+
				"where HTTP leaves it to us: uploads without TLS, and what pull reads")
	}
	fs.Var(&c.count, "count", fmt.Sprintf("measure `N` rounds (default %d)", c.count))
	fs.Var(&c.warmups, "warmup", fmt.Sprintf("run `N` rounds before that (default %d)", c.warmups))
}

func (c *benchCommand) outputFlags(fs *flag.FlagSet) {
	fs.BoolVar(&c.json, "json", false, "print one JSON object at the end in place of Go's benchmark format")
	fs.StringVar(&c.html, "html", "", "write a page with plots to this `file` too")
	fs.BoolVar(&c.limit, "limit", false,
		"measure first what the link and SHA-256 allow, and tell how far the work is from it")
}

// defaultSize is the size of a layer without --size. It is small for resolve, which moves no
// layers.
func (c *benchCommand) defaultSize() string {
	if c.kind == bench.Resolve {
		return "4KiB"
	}
	return "16MiB"
}
