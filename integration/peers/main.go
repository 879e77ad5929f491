// Peers measures transship side by side with the tools that people use today, on the same images, between the same two
// registries, and says whether the targets are met. `make peers` calls it; it is no part of the tests.
//
// It installs the peers from their modules at pinned versions, starts two CNCF distribution registries on a tmpfs and
// toxiproxy for the long link, and does each work with one tool after the other, round by round. Each run of a tool begins
// with an empty target, unless the work is a repeat, and each is followed by a comparison of every byte.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/hczjl/transship/integration/servers"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	signal.Ignore(syscall.SIGPIPE) // a reader that has seen enough must not keep it from cleaning up
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	bin      string
	ram      string
	works    string
	tools    string
	rounds   int
	limit    time.Duration
	patience time.Duration
	json     string
	svg      string
	growth   bool
}

func parse(args []string) (options, error) {
	var o options
	fs := flag.NewFlagSet("peers", flag.ContinueOnError)
	fs.StringVar(&o.bin, "bin", "../bin", "`folder` with transship in it; peers are installed into its folder peers, and results written there")
	fs.StringVar(&o.ram, "ram", "/dev/shm", "`folder` in memory for the registries")
	fs.StringVar(&o.works, "works", "", "only these `works`, by their names, separated by commas")
	fs.StringVar(&o.tools, "tools", "", "only these `tools` beside transship, separated by commas")
	fs.IntVar(&o.rounds, "rounds", 3, "`number` of rounds; works of less than a second have five times as many")
	fs.DurationVar(&o.limit, "limit", 2*time.Minute, "end a tool after this `time`; of a peer it is known then that it takes longer")
	fs.DurationVar(&o.patience, "patience", 45*time.Second, "do not run a tool again for a work that took it longer than this `time`")
	fs.StringVar(&o.json, "json", "", "`file` for all figures (default: peers.json or growth.json in the folder of the peers)")
	fs.StringVar(&o.svg, "svg", "", "`file` for the plot (default: peers.svg or growth.svg there)")
	fs.BoolVar(&o.growth, "growth", false, "measure transship alone, with more and more images and with larger and larger blobs")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 || o.rounds < 1 {
		return o, errors.New("there are no arguments, and at least one round: -h lists the flags")
	}
	if err := o.known(); err != nil {
		return o, err
	}
	name := map[bool]string{false: "peers", true: "growth"}[o.growth]
	o.json = orIn(o.json, o.bin, name+".json")
	o.svg = orIn(o.svg, o.bin, name+".svg")
	return o, nil
}

// known refuses names of works and tools that do not exist.
func (o options) known() error {
	var ofWorks, ofTools []string
	for _, w := range works() {
		ofWorks = append(ofWorks, w.name)
	}
	for _, t := range tools() {
		ofTools = append(ofTools, t.name)
	}
	return errors.Join(among("work", o.works, ofWorks), among("tool", o.tools, ofTools))
}

// among refuses a list with a name that is none of names.
func among(kind, list string, names []string) error {
	for _, name := range strings.Split(list, ",") {
		if list != "" && !slices.Contains(names, name) {
			return fmt.Errorf("there is no %s %q: there are %s", kind, name, strings.Join(names, ", "))
		}
	}
	return nil
}

// orIn is file, or a file in the folder of the peers.
func orIn(file, bin, name string) string {
	if file != "" {
		return file
	}
	return filepath.Join(bin, "peers", name)
}

// listed tells whether a name is in a list that is separated by commas; an empty list has all names.
func listed(list, name string) bool {
	return list == "" || slices.Contains(strings.Split(list, ","), name)
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.bin, err = filepath.Abs(o.bin); err != nil {
		return err
	}
	disk := filepath.Join(o.bin, "peers", "scratch")
	if err := os.MkdirAll(disk, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(disk)
	root, err := os.MkdirTemp(o.ram, "transship-peers")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	s := &stage{ctx: ctx, root: root}
	return s.run(func() {
		b := &bench{t: s, scale: full(), rounds: o.rounds, limit: o.limit, patience: o.patience, disk: disk, log: s.Logf, machine: machine()}
		if o.growth {
			b.growth(o, out)
			return
		}
		b.compare(o, out)
	})
}

// compare does all works that are wanted, and reports.
func (b *bench) compare(o options, out io.Writer) {
	ran := slices.DeleteFunc(works(), func(w work) bool { return !listed(o.works, w.name) })
	b.tools = equip(b.t, o.bin, func(name string) bool { return name == subject || name == ofSystem || listed(o.tools, name) })
	toxiproxy, err := install(b.t.Context(), filepath.Join(o.bin, "peers"), toxiproxyModule)
	b.must(err)
	b.plain = cncf(b.t, toxiproxy, servers.Options{})
	b.secure(ran, toxiproxy)
	ran = b.reachable(ran)
	for _, w := range ran {
		b.run(w)
	}
	r := b.report(ran)
	r.print(out)
	b.must(r.write(o.json))
	b.must(os.WriteFile(o.svg, []byte(comparison(r)), 0o644))
	b.must(failed(r.Samples))
}

// secure starts registries with TLS where a work needs them, and has the tools trust them.
func (b *bench) secure(ran []work, toxiproxy string) {
	if !slices.ContainsFunc(ran, func(w work) bool { return w.tls }) {
		return
	}
	certificates := servers.NewCertificates(b.t)
	b.ca = certificates.CAFile
	b.tls = cncf(b.t, toxiproxy, servers.Options{TLS: certificates})
	if slices.ContainsFunc(ran, overPath) {
		b.remote = overLink(b.t, certificates, b.log)
	}
	for i := range b.tools {
		b.tools[i].Env = append(b.tools[i].Env, "SSL_CERT_FILE="+certificates.CAFile)
	}
}

// overPath tells whether a work goes over a real path.
func overPath(w work) bool { return w.path != nil }

// reachable are the works that this machine can do.
func (b *bench) reachable(ran []work) []work {
	if b.remote != nil {
		return ran
	}
	return slices.DeleteFunc(ran, overPath)
}

// report is what the bench has seen.
func (b *bench) report(ran []work) report {
	r := report{
		Machine: b.machine,
		Rounds:  b.rounds, Tools: map[string]string{}, Samples: b.samples, works: ran,
	}
	for _, t := range b.tools {
		r.Tools[t.name] = t.version
	}
	return r
}

// machine describes where figures come from, and how busy it was before.
func machine() string {
	load, _ := os.ReadFile("/proc/loadavg") // empty elsewhere
	before, _, _ := strings.Cut(string(load), " ")
	return fmt.Sprintf("%s/%s, %d cores, load %s before", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), before)
}

// failed is an error if a run of transship was: figures of a tool that does not do its job say nothing.
func failed(samples []sample) error {
	for _, s := range samples {
		if s.Tool == subject && s.Error != "" {
			return fmt.Errorf("%s, round %d: %s", s.Work, s.Round+1, s.Error)
		}
	}
	return nil
}
