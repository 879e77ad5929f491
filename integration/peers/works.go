package main

import (
	"time"

	"github.com/hczjl/transship/integration/servers"
	"github.com/hczjl/transship/integration/wan"
)

// work is a row of the comparison: something that every tool with a command for it does, round after round.
type work struct {
	name     string // as flags name it
	title    string // for people
	task     task
	content  func(scale) content
	link     servers.Link // before both registries
	path     *wan.Path    // between the registries, and the tools run at the near end; nil is none
	up       bool         // over that, the source is near; else the target
	repeat   bool         // the target has everything before the tool begins; else it is empty
	tls      bool         // both registries speak HTTPS, and so HTTP/2
	embedded bool         // both registries are transship's own, in memory
	disk     bool         // what is saved lies on a disk
	alone    bool         // nobody but the subject does it
	short    bool         // it takes less than a second, so that more rounds of it tell more and cost little
}

// cubicUpload reports whether an upload goes over a path whose ends have cubic unless a program asks for another.
func (w work) cubicUpload() bool { return w.path != nil && w.up && w.path.Congestion == "cubic" }

// cleanImage reports whether a work moves one image over a path that brings all of it over one connection for each blob.
func (w work) cleanImage() bool {
	return w.task != copyAll && w.link.Rate == 0 && (w.path == nil || w.path.Loss == 0 && w.path.Flow == 0)
}

// scale is how much the works move.
type scale struct {
	layers [3]int64 // bytes of a platform's layers
	images int
	base   [5]int64 // bytes of the layers that all images share
	own    int64    // bytes of the layer that each of them has for itself for each of two platforms
	big    int64    // bytes of the one big layer
	tags   int      // of the repository in which nothing has changed
}

// full is what the targets are about.
func full() scale {
	return scale{
		layers: [3]int64{6e6, 65e6, 60e6},
		images: 100, base: [5]int64{8e6, 1e6, 7e6, 1e6, 100e3}, own: 10e3,
		big: 400e6, tags: 10_000,
	}
}

// far is a round trip of 50 ms.
func far() servers.Link { return servers.Link{Delay: 25 * time.Millisecond} }

// narrow is far, and a connection brings 20 MB/s. Only what comes from a registry is that slow: an upload session takes its
// bytes in order over one connection, so that nobody could do anything about the other direction.
func narrow() servers.Link { return servers.Link{Delay: 25 * time.Millisecond, Rate: 20e6} }

// moreRounds is how many rounds of a short work there are for each one of the others.
const moreRounds = 5

// rounds is how many rounds of the work there are.
func (w work) rounds(n int) int {
	if w.short {
		return n * moreRounds
	}
	return n
}

func works() []work {
	image := func(s scale) content { return one("halohub/halo", s.layers[:], platforms()...) }
	hundred := func(s scale) content { return many("many/app", s.images, s.base, s.own) }
	big := func(s scale) content { return one("big/layer", []int64{s.big}) }
	tags := func(s scale) content { return many("many/tags", s.images, s.base, s.own).again(s.tags) }
	return append([]work{
		{name: "copy", title: "cold copy of an image for three platforms, loopback", task: copyOne, content: image, short: true},
		{name: "far", title: "cold copy of that image, 50 ms round trip", task: copyOne, content: image, link: far()},
		{name: "tls", title: "cold copy of that image with TLS, 50 ms round trip", task: copyOne, content: image, link: far(), tls: true},
		{name: "many", title: "100 images, 50 ms round trip", task: copyAll, content: hundred, link: far()},
		{name: "repeat", title: "those 100 again, nothing changed, 50 ms round trip", task: copyAll, content: hundred, link: far(), repeat: true},
		{name: "big", title: "one layer of 400 MB, 50 ms round trip, 20 MB/s a connection", task: copyOne, content: big, link: narrow()},
		{name: "save", title: "save that image, as a tar or a folder", task: save, content: image, short: true},
		{name: "disk", title: "save it so, on a disk", task: save, content: image, disk: true, short: true},
		{name: "tags", title: "10,000 tags, nothing changed, loopback, embedded registry", task: copyAll, content: tags, repeat: true, embedded: true, alone: true},
	}, overWAN(image, hundred)...)
}

// overWAN are the works over a long link with TCP from end to end, one registry at each end of it.
func overWAN(image, hundred func(scale) content) (all []work) {
	const ms, slow, quick = time.Millisecond, 400e6 / 8, 0
	for _, p := range []struct {
		name, title string
		wan.Path
	}{
		{"wan", "50 ms", wan.Path{RTT: 50 * ms, Rate: quick}},
		{"wide", "100 ms, 400 Mbit/s", wan.Path{RTT: 100 * ms, Rate: slow, Queue: 100 * ms}},
		{"lossy", "100 ms, 400 Mbit/s, 0.1 % loss, cubic", wan.Path{RTT: 100 * ms, Rate: slow, Queue: 100 * ms, Loss: 0.001, Congestion: "cubic"}},
		{"poor", "200 ms, 400 Mbit/s, 1 % loss, cubic", wan.Path{RTT: 200 * ms, Rate: slow, Queue: 100 * ms, Loss: 0.01, Congestion: "cubic"}},
	} {
		all = append(all,
			work{name: p.name + "-down", title: "that image with TLS, down a real path of " + p.title, task: copyOne, content: image, path: &p.Path, tls: true},
			work{name: p.name + "-up", title: "that image with TLS, up a real path of " + p.title, task: copyOne, content: image, path: &p.Path, tls: true, up: true},
		)
	}
	for _, p := range []struct {
		name, title string
		alone       bool
		wan.Path
	}{
		{"wide100-down", "30 ms, 100 Mbit/s, cubic", true, wan.Path{RTT: 30 * ms, Rate: slow / 4, Queue: 100 * ms, Congestion: "cubic"}},
		{"wide200-down", "100 ms, 200 Mbit/s, cubic", true, wan.Path{RTT: 100 * ms, Rate: slow / 2, Queue: 100 * ms, Congestion: "cubic"}},
		{"wide300-down", "100 ms, 300 Mbit/s, cubic", true, wan.Path{RTT: 100 * ms, Rate: slow * 3 / 4, Queue: 100 * ms, Congestion: "cubic"}},
		{"flow-down", "50 ms, 2 MB/s a connection", false, wan.Path{RTT: 50 * ms, Flow: 2e6, Queue: 100 * ms}},
		{"flow5-down", "50 ms, 5 MB/s a connection", true, wan.Path{RTT: 50 * ms, Flow: 5e6, Queue: 100 * ms}},
	} {
		all = append(all, work{name: p.name, title: "that image with TLS, down a real path of " + p.title, task: copyOne, content: image, path: &p.Path, tls: true, alone: p.alone})
	}
	clean := &wan.Path{RTT: 100 * ms, Rate: slow, Queue: 100 * ms, Congestion: "cubic"}
	lossy := &wan.Path{RTT: 100 * ms, Rate: slow, Queue: 100 * ms, Congestion: "cubic", Loss: 0.001}
	return append(all,
		work{name: "wide-many", title: "100 images with TLS, down a real path of 100 ms, 400 Mbit/s", task: copyAll, content: hundred, path: clean, tls: true},
		work{name: "lossy-many", title: "100 images with TLS, down a real path of 100 ms, 400 Mbit/s, 0.1 % loss, cubic", task: copyAll, content: hundred, path: lossy, tls: true},
	)
}
