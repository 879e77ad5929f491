package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"strconv"
	"syscall"

	"github.com/hczjl/transship/integration/servers"
)

// growing is a work whose content becomes more and more.
type growing struct {
	title, unit string
	task        task
	sizes       []int64
	content     func(int64) content
}

func growths() []growing {
	return []growing{
		{"images", "images", copyAll, []int64{1, 10, 100, 1000}, func(n int64) content {
			return many("many/app", int(n), full().base, full().own)
		}},
		{"one blob", "MB", copyOne, []int64{1, 10, 100, 1000, 4000}, func(n int64) content {
			return one("big/layer", []int64{n * 1e6})
		}},
	}
}

// name is the work of a size.
func (g growing) name(size int64) string { return fmt.Sprintf("%d %s", size, g.unit) }

// growth measures transship, cold on loopback, for each size that fits, then several workers, and reports.
func (b *bench) growth(o options, out io.Writer) {
	b.tools = equip(b.t, o.bin, func(name string) bool { return name == subject || o.tools != "" && listed(o.tools, name) })
	b.plain = cncf(b.t, "", servers.Options{})
	var ran []work
	for _, g := range growths() {
		for _, size := range g.sizes {
			c := g.content(size)
			if free := spare(b.plain.from.dir); 2*c.size()+reserve > free {
				b.log("%s: left out, it needs %d MB and there are %d MB", g.name(size), (2*c.size()+reserve)/1e6, free/1e6)
				continue
			}
			w := work{name: g.name(size), title: g.name(size), task: g.task, content: func(scale) content { return c }}
			b.run(w)
			ran = append(ran, w)
		}
	}
	ran = append(ran, b.shards(o.bin)...)
	r := b.report(ran)
	r.printAll(out)
	b.must(r.write(o.json))
	b.must(os.WriteFile(o.svg, []byte(growthPlot(good(r.Samples))), 0o644))
	b.must(failed(r.Samples))
}

// reserve is the memory, in bytes, that a comparison leaves to the machine.
const reserve = 1 << 30

// spare is how many bytes a folder in memory can still take.
func spare(dir string) int64 {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0
	}
	return min(int64(fs.Bavail)*int64(fs.Bsize), available())
}

// memAvailable matches what the kernel gives programs without swapping, in KiB (proc(5)).
var memAvailable = regexp.MustCompile(`MemAvailable:\s*(\d+) kB`)

func available() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	m := memAvailable.FindSubmatch(text)
	if err != nil || m == nil {
		return math.MaxInt64
	}
	n, _ := strconv.ParseInt(string(m[1]), 10, 64) // the expression admits digits only
	return n << 10
}
