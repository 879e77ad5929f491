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

	"github.com/hczjl/transship/cmd/transship/internal/synthetic"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/transfer"
)

// Baseline has the rates of the link and the machine without a registry protocol. No copy can be
// faster.
type Baseline struct {
	Link []Rate // by number of connections
	Hash []Rate // of SHA-256, by number of processors
	// Over is how Link was measured: "plain TCP on loopback", or GETs of blobs.
	Over string
}

// Rate is a measured throughput.
type Rate struct {
	N       int   // number of connections or processors
	Bytes   int64 // of all together
	Elapsed time.Duration
}

// PerSecond returns bytes per second, or 0 if Elapsed is 0.
func (r Rate) PerSecond() float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Bytes) / r.Elapsed.Seconds()
}

// Floor returns the minimum time for a transfer of bytes with a number of jobs. It is that of the
// link or that of SHA-256, which hashes every byte once, whichever is slower. Jobs 0 is auto, which
// can be any number. Floor returns 0 for 0 bytes or without rates.
func (l *Baseline) Floor(bytes int64, jobs int) time.Duration {
	if l == nil {
		return 0
	}
	slowest := 0.0
	for _, r := range []Rate{fastestUpTo(l.Link, jobs), fastestUpTo(l.Hash, jobs)} {
		if s := r.PerSecond(); s > 0 && (slowest == 0 || s < slowest) {
			slowest = s
		}
	}
	if slowest == 0 {
		return 0
	}
	return time.Duration(float64(bytes) / slowest * float64(time.Second))
}

// fastestUpTo returns the fastest rate with an N of at most n, or else the first rate. If n is 0
// every N counts.
func fastestUpTo(rates []Rate, n int) Rate {
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

// maxConnections is the maximum number of connections to measure.
const maxConnections = 128

// ConnectionCounts returns the numbers of connections to measure for some numbers of jobs: 1 and
// each of these. For auto, 0, it is transfer.DefaultJobs. No number is above 128, since more
// connections gain nothing and use memory.
func ConnectionCounts(jobs []int) []int {
	out := []int{1}
	for _, n := range jobs {
		out = append(out, min(cmp.Or(n, transfer.DefaultJobs), maxConnections))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// HashRates measures SHA-256 on one processor and on all of them, each for about that long.
func HashRates(ctx context.Context, each time.Duration) ([]Rate, error) {
	var out []Rate
	for _, n := range ConnectionCounts([]int{runtime.GOMAXPROCS(0)}) {
		r, err := measureRate(ctx, n, each, func(more func(int) bool) error {
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

// measureRate runs n workers for duration d. Each worker calls more before each block of bytes,
// which counts the block and reports whether to go on. At least one block is counted.
func measureRate(ctx context.Context, n int, d time.Duration, work func(more func(int) bool) error) (Rate, error) {
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

// LoopbackRates measures plain TCP over loopback with each number of connections, each for about
// that long.
func LoopbackRates(ctx context.Context, widths []int, each time.Duration) ([]Rate, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	go discardConns(l)
	var out []Rate
	for _, n := range widths {
		r, err := measureRate(ctx, n, each, func(more func(int) bool) error { return sendTo(l.Addr().String(), more) })
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// discardConns accepts all connections and drops what they send.
func discardConns(l net.Listener) {
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

func sendTo(address string, more func(int) bool) error {
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

// linkRates measures the link to a registry with each number of connections, by GETs of all blobs
// of an image.
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

// MeasureLink puts an image into a repository, measures the link with it, and removes it. It also
// returns what it could not remove.
func MeasureLink(
	ctx context.Context, open Open, spec synthetic.Spec, widths []int,
) (rates []Rate, left []Leftover, err error) {
	var c Cleaner
	defer func() {
		ctx, stop := cleanupContext(ctx)
		defer stop()
		c.clean(ctx)
		left = c.left
	}()
	repo, err := open(ctx, Cell{Jobs: slices.Max(widths)}) // so that the client allows all connections
	if err != nil {
		return nil, nil, err
	}
	im, err := synthetic.New(ctx, spec)
	if err != nil {
		return nil, nil, err
	}
	engine := &transfer.Engine{OnEvent: c.Recorder(repo)}
	tag := fmt.Sprintf("bench-link-%x", spec.Seed)
	_, err = engine.Copy(ctx, im, tag, repo, tag)
	c.addUncertain(repo, im, err)
	if err != nil {
		return nil, nil, err
	}
	rates, err = linkRates(ctx, repo, im, widths)
	return rates, nil, err
}
