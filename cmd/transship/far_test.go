package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/hczjl/transship/distribution/transfer"
)

// randomBytes returns size bytes that depend only on the seed.
func randomBytes(seed uint64, size int) string {
	out := make([]byte, size)
	var key [32]byte
	key[0], key[1], key[2] = byte(seed), byte(seed>>8), byte(seed>>16)
	_, _ = rand.NewChaCha8(key).Read(out)
	return string(out)
}

// pushMany pushes n images for two platforms under tags of one repository, and returns the number
// of their blobs. All images share five layers of about base bytes; each has two more layers of own
// bytes for each platform.
func (s *server) pushMany(repo string, n, base, own int) (blobs int) {
	var shared []string
	for i, size := range []int{8 * base, base, 7 * base, base, base / 10} {
		shared = append(shared, randomBytes(uint64(i), size))
	}
	for i := range n {
		mine := func(j int) string { return randomBytes(uint64(1000+4*i+j), own) }
		s.pushList(repo, fmt.Sprintf("v%03d", i),
			s.pushImage(repo, "", "linux/amd64", shared[0], shared[1], shared[4], mine(0), mine(1)),
			s.pushImage(repo, "", "linux/arm64", shared[2], shared[3], shared[4], mine(2), mine(3)))
	}
	return 2 + 4*n + len(shared)
}

// syncRepository copies all images of the repository many/app.
func syncRepository(p *program, from, to string, flags ...string) {
	p.t.Helper()
	p.stdin = from + "/many/app " + to + "/many/app\n"
	p.run(append([]string{"sync"}, append(flags, "-q", "-f", "-")...)...).want(0)
}

// Many images that share layers are copied at once to one repository. The calls stay within the
// budget, and there are as many at a time as fill a link with a long round trip, but no more. With
// --jobs=1 there is one call at a time.
func TestManyImagesCallBudget(t *testing.T) {
	const images = 40
	from, source := link{}.startRegistry(t)
	blobs := from.pushMany("many/app", images, 300_000, 1000)
	for jobs, most := range map[string]int{"": 2*transfer.SmallJobs + transfer.DefaultJobs, "--jobs=1": 1} {
		source.reset(0)
		to, target := link{}.startRegistry(t)
		if jobs == "" {
			target.reset(20 * time.Millisecond)
		}
		syncRepository(newProgram(t), from.host, to.host, strings.Fields(jobs)...)
		source.wantAtMost(t, 1+3*images+blobs, most) // the list of tags, manifests, blobs
		target.wantAtMost(t, images+2*blobs+3*images, most)
		if most := target.maxConcurrent("PUT uploads"); jobs == "" && most < 2*transfer.DefaultJobs {
			t.Errorf("%d uploads at once, which leaves a long link empty", most)
		}
	}
}

func BenchmarkFarImages(b *testing.B) {
	from, source := farLink().startRegistry(b)
	from.pushMany("many/app", 100, 1_000_000, 10_000)
	for b.Loop() {
		b.StopTimer()
		to, target := farLink().startRegistry(b)
		p := newProgram(b)
		before := source.total("")
		b.StartTimer()
		syncRepository(p, from.host, to.host)
		b.ReportMetric(float64(source.total("")-before), "source-calls/op")
		b.ReportMetric(float64(target.total("")), "target-calls/op")
		if testing.Verbose() {
			b.Logf("source %v, most at once %v", source.calls, source.maxNow)
			b.Logf("target %v, most at once %v", target.calls, target.maxNow)
		}
	}
}

// pushLayers pushes src/repo:1.6 for three platforms, each with layers of these sizes.
func (s *server) pushLayers(sizes ...int) {
	var layers [3][]string
	for i := range layers {
		for j, size := range sizes {
			layers[i] = append(layers[i], randomBytes(uint64(100*i+j), size))
		}
	}
	s.pushList("src/repo", "1.6",
		s.pushImage("src/repo", "", "linux/amd64", layers[0]...),
		s.pushImage("src/repo", "", "linux/arm/v7", layers[1]...),
		s.pushImage("src/repo", "", "linux/arm64", layers[2]...))
}

func benchmarkImage(b *testing.B, l link, size int) {
	from, _ := l.startRegistry(b)
	from.pushLayers(size/20, size/2, size-size/2-size/20)
	b.SetBytes(int64(3 * size))
	for b.Loop() {
		b.StopTimer()
		to, _ := link{delay: l.delay}.startRegistry(b)
		p := newProgram(b)
		b.StartTimer()
		p.run("copy", "-q", from.host+"/src/repo:1.6", to.host+"/src/repo:1.6").want(0)
	}
}

func BenchmarkNearImage(b *testing.B) { benchmarkImage(b, link{}, 40<<20) }

func BenchmarkFarImage(b *testing.B) { benchmarkImage(b, farLink(), 40<<20) }

// BenchmarkNarrowLayer copies one large layer over a link with 20 MB/s for each connection.
func BenchmarkNarrowLayer(b *testing.B) {
	narrow := link{delay: 25 * time.Millisecond, rate: 20e6}
	from, source := narrow.startRegistry(b)
	const size = 200e6
	from.pushList("big/layer", "1", from.pushImage("big/layer", "", "linux/amd64", randomBytes(1, size)))
	b.SetBytes(size)
	for b.Loop() {
		b.StopTimer()
		to, _ := farLink().startRegistry(b)
		p := newProgram(b)
		before := source.total("")
		b.StartTimer()
		p.run(strings.Fields(fmt.Sprintf("copy -q %s/big/layer:1 %s/big/layer:1", from.host, to.host))...).want(0)
		b.ReportMetric(float64(source.total("")-before), "source-calls/op")
	}
}
