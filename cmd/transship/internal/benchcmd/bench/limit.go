package bench

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/cmd/transship/internal/synthetic"
	"github.com/hczjl/transship/distribution/transfer"
)

// Limit is what the machine and the link can do without any registry protocol: no copy is faster.
type Limit struct {
	Link []Rate // by connections
	Hash []Rate // SHA-256, by processors
	// Over says what Link was measured with: "plain TCP on loopback", or GETs of blobs.
	Over string
}

// Rate is how much moved in some time, by so many at once.
type Rate struct {
	N       int   // connections, or processors
	Bytes   int64 // all of them together
	Elapsed time.Duration
}

// PerSecond returns bytes per second, 0 where no time has passed.
func (r Rate) PerSecond() float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Bytes) / r.Elapsed.Seconds()
}

// Floor is the least time that a transfer of bytes can take with so many jobs: that of the link, or of SHA-256, which
// every byte passes once, whichever is the slower. 0 jobs are auto, which may be any number. It is 0 where nothing moves or
// nothing is known.
func (l *Limit) Floor(bytes int64, jobs int) time.Duration {
	if l == nil {
		return 0
	}
	slowest := 0.0
	for _, r := range []Rate{upTo(l.Link, jobs), upTo(l.Hash, jobs)} {
		if s := r.PerSecond(); s > 0 && (slowest == 0 || s < slowest) {
			slowest = s
		}
	}
	if slowest == 0 {
		return 0
	}
	return time.Duration(float64(bytes) / slowest * float64(time.Second))
}

// upTo returns the fastest rate of at most n at once, or the first; of any number for n 0.
func upTo(rates []Rate, n int) Rate {
	if len(rates) == 0 {
		return Rate{}
	}
	best := rates[0]
	for _, r := range rates[1:] {
		if (r.N <= n || n == 0) && r.PerSecond() > best.PerSecond() {
			best = r
		}
	}
	return best
}

// mostWide is how many connections are measured at once at the most.
const mostWide = 128

// Widths returns the numbers of connections that are worth measuring for some jobs: 1 and each of theirs. For auto, 0, it is
// as many as an engine has large blobs in flight; it is never more than 128, since more bring nothing and each costs memory.
func Widths(jobs []int) []int {
	out := []int{1}
	for _, n := range jobs {
		out = append(out, min(cmp.Or(n, transfer.DefaultJobs), mostWide))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// HashRates measures SHA-256 on one processor, and on all of them, for about that long each.
func HashRates(ctx context.Context, each time.Duration) ([]Rate, error) {
	var out []Rate
	for _, n := range Widths([]int{runtime.GOMAXPROCS(0)}) {
		r, err := during(ctx, n, each, func(more func(int) bool) error {
			h, block := sha256.New(), make([]byte, 256<<10)
			for more(len(block)) {
				h.Write(block)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// during runs n workers that count bytes until the time is over, which more tells them; some are counted in any case.
func during(ctx context.Context, n int, d time.Duration, work func(more func(int) bool) error) (Rate, error) {
	var bytes atomic.Int64
	var group errgroup.Group
	start := time.Now()
	more := func(count int) bool {
		if ctx.Err() != nil || time.Since(start) > d && bytes.Load() > 0 {
			return false
		}
		bytes.Add(int64(count))
		return true
	}
	for range n {
		group.Go(func() error { return work(more) })
	}
	err := group.Wait()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return Rate{n, bytes.Load(), time.Since(start)}, err
}

// LoopbackRates measures plain TCP over loopback, with each number of connections for about that long.
func LoopbackRates(ctx context.Context, widths []int, each time.Duration) ([]Rate, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	go drain(l)
	var out []Rate
	for _, n := range widths {
		r, err := during(ctx, n, each, func(more func(int) bool) error { return pump(l.Addr().String(), more) })
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// drain reads and drops whatever connects to a listener.
func drain(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			buf := make([]byte, 256<<10)
			for {
				if _, err := conn.Read(buf); err != nil {
					return
				}
			}
		}()
	}
}

func pump(address string, more func(int) bool) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	block := make([]byte, 256<<10)
	for more(len(block)) {
		if _, err := conn.Write(block); err != nil {
			return err
		}
	}
	return nil
}

// linkRates measures the link to a registry by GETs of the blobs of an image there, with each number of connections. The
// bytes are dropped as they come.
func linkRates(ctx context.Context, repo *distribution.Repository, im *synthetic.Image, widths []int) ([]Rate, error) {
	var out []Rate
	for _, n := range widths {
		start, bytes := time.Now(), atomic.Int64{}
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(n)
		for _, d := range im.Blobs() {
			group.Go(func() error {
				r, err := repo.Blob(ctx, d, 0)
				if err != nil {
					return err
				}
				got, err := io.Copy(io.Discard, r)
				bytes.Add(got)
				return errors.Join(err, r.Close())
			})
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
		out = append(out, Rate{n, bytes.Load(), time.Since(start)})
	}
	return out, nil
}

// MeasureLink puts an image into a repository, measures the link by it, and removes it again; it returns also what it
// could not remove.
func MeasureLink(ctx context.Context, open Open, spec synthetic.Spec, widths []int) (rates []Rate, left []Left, err error) {
	var clean cleaner
	defer func() {
		ctx, stop := outlasting(ctx)
		defer stop()
		clean.clean(ctx)
		left = clean.left
	}()
	repo, err := open(ctx, Cell{Jobs: slices.Max(widths)}) // nothing else is to hold the connections back
	if err != nil {
		return nil, nil, err
	}
	im, err := synthetic.New(ctx, spec)
	if err != nil {
		return nil, nil, err
	}
	engine := &transfer.Engine{OnEvent: clean.watch(repo)}
	tag := fmt.Sprintf("bench-link-%x", spec.Seed)
	_, err = engine.Copy(ctx, im, tag, repo, tag)
	clean.doubt(repo, im, err)
	if err != nil {
		return nil, nil, err
	}
	rates, err = linkRates(ctx, repo, im, widths)
	return rates, nil, err
}
