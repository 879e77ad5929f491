package main

import (
	"flag"
	"fmt"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/distribution/transfer"
)

// benching is one of the commands bench.
type benching struct {
	kind      bench.Kind
	side      *remote
	platforms platformList
	layers    count
	sizes     sizeList
	part      fraction
	seed      seed
	warm      bool
	jobs      jobsList
	http1     bool
	http2     bool
	uploads   uploadList
	ranges    countList
	buffers   bufferList
	count     count
	warmups   fromZero
	requests  count
	json      bool
	html      string
	limit     bool
	yes       bool
}

// defaultLayers is how many layers an image has where neither --layers nor --size says it.
const defaultLayers = 4

// benchText is what the commands differ in, to those who read their help.
type benchText struct{ args, short, long, examples string }

func benchTexts() map[bench.Kind]benchText {
	return map[bench.Kind]benchText{
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

// benchLong is what the commands have in common.
const benchLong = `
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

func benchCommand(kind bench.Kind) command {
	text := benchTexts()[kind]
	most := 1
	if kind == bench.Copy || kind == bench.Mount {
		most = 2
	}
	return command{
		name: "bench " + string(kind), args: text.args, min: 0, max: most,
		short: text.short, long: text.long + "\n" + benchLong, example: text.examples,
		setup: func(fs *flag.FlagSet, a *app) action {
			b := &benching{kind: kind, side: a.remoteFlags(fs, "", "the registry"), count: 6, warmups: 1, requests: 100}
			b.imageFlags(fs)
			b.matrixFlags(fs)
			b.outputFlags(fs)
			fs.BoolVar(&b.yes, "yes", false, "go beyond the bounds that keep a benchmark from doing harm by accident")
			fs.BoolVar(&a.quiet, "quiet", false, "print nothing but results and errors")
			alias(fs, "q", "quiet")
			a.auditFlags(fs)
			a.verboseFlag(fs)
			return b.run
		},
	}
}

func (b *benching) imageFlags(fs *flag.FlagSet) {
	fs.Var(&b.platforms, "platforms", "make images for these platforms, as `os/arch[/variant],...` (default linux/amd64)")
	fs.Var(&b.layers, "layers", fmt.Sprintf("layers of each platform's image, a `number` (default %d)", defaultLayers))
	fs.Var(&b.sizes, "size", "the `size` of each layer, such as 16MiB, or of all of them, such as 4x64MiB,20x1MiB (default "+b.defaultSize()+")")
	fs.Var(&b.part, "compressible", "the `part` of each layer that compression takes out, from 0 to 1 (default 0)")
	fs.Var(&b.seed, "seed", "the `number` that images are made from (default: another one each time)")
	if b.kind != bench.Resolve {
		fs.BoolVar(&b.warm, "warm", false, "the same content in all rounds, so that it is there already")
	}
}

func (b *benching) matrixFlags(fs *flag.FlagSet) {
	fs.Var(&b.jobs, "jobs", fmt.Sprintf("move `N,...` blobs at a time; auto is as many as the registries take (default %d)", transfer.DefaultJobs))
	if b.kind == bench.Resolve {
		fs.Lookup("jobs").Usage = fmt.Sprintf("make `N,...` requests at a time; auto is as many as the registry takes (default %d)", transfer.DefaultJobs)
		fs.Var(&b.requests, "requests", fmt.Sprintf("ask `N` times in each round (default %d)", b.requests))
	}
	fs.BoolVar(&b.http1, "http1", false, "do not use HTTP/2; with --http2 both are measured")
	fs.BoolVar(&b.http2, "http2", false, "use HTTP/2, for large blobs too, which needs TLS; with --http1 both are measured")
	if b.kind == bench.Push || b.kind == bench.Copy {
		fs.Var(&b.uploads, "upload", "how blobs go out, a `list` of put, patch and chunk=SIZE (default put)")
	}
	if b.kind == bench.Pull || b.kind == bench.Copy {
		fs.Var(&b.ranges, "ranges", "fetch each blob of 32 MiB and more in `N,...` ranges at a time, at most 64, 1 for none (default: where one connection is slow)")
	}
	if b.kind == bench.Push || b.kind == bench.Pull || b.kind == bench.Copy {
		fs.Var(&b.buffers, "buffer", "read and write this `size,...` of a large blob at a time, such as 32KiB,256KiB, where HTTP leaves it to us: uploads without TLS, and what pull reads")
	}
	fs.Var(&b.count, "count", fmt.Sprintf("measure `N` rounds (default %d)", b.count))
	fs.Var(&b.warmups, "warmup", fmt.Sprintf("run `N` rounds before that (default %d)", b.warmups))
}

func (b *benching) outputFlags(fs *flag.FlagSet) {
	fs.BoolVar(&b.json, "json", false, "print one JSON object at the end in place of Go's benchmark format")
	fs.StringVar(&b.html, "html", "", "write a page with plots to this `file` too")
	fs.BoolVar(&b.limit, "limit", false, "measure first what the link and SHA-256 allow, and tell how far the work is from it")
}

// defaultSize is the size of a layer where none is given. Resolving moves no layers.
func (b *benching) defaultSize() string {
	if b.kind == bench.Resolve {
		return "4KiB"
	}
	return "16MiB"
}
