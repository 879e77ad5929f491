package image

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"strconv"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// Shard is the part of the repositories that one of several workers takes: the value of --shard. The
// zero value takes all.
type Shard struct {
	Index, Count int // Index is 1 to Count
	// Sizes is the digest of the file of --sizes, "" without one. Only workers with the same file take each
	// repository once.
	Sizes blob.Digest

	file    string         // of --sizes
	workers map[string]int // by --sizes: the Index of the worker of each repository
}

// maxShards limits Count: no run has work for more.
const maxShards = 10_000

// RegisterShard registers --shard and --sizes. A command calls [Shard.Check] before it uses the shard.
func RegisterShard(fs *flag.FlagSet, s *Shard) {
	fs.StringVar(&s.file, "sizes", "", "give the workers of --shard equally many bytes by this `file`, which --plan=sizes prints, "+
		"the same for each of them (default: equally many repositories)")
	fs.Var(s, "shard", "take only the repositories of worker I of N, given as `I/N`, such as 2/8 "+
		"(default: by JOB_COMPLETION_INDEX if JOB_COMPLETIONS is set too, else all)")
}

// String implements flag.Value.
func (s *Shard) String() string {
	if s.Count == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index, s.Count)
}

// Set implements flag.Value.
func (s *Shard) Set(text string) error {
	index, count, _ := strings.Cut(text, "/")
	i, badIndex := strconv.Atoi(index)
	n, badCount := strconv.Atoi(count)
	if badIndex != nil || badCount != nil || i < 1 || i > n {
		return fmt.Errorf("%q is no shard: of N workers, each takes one of 1/N to N/N", text)
	}
	if n > maxShards {
		return fmt.Errorf("%q is more than %d workers", text, maxShards)
	}
	s.Index, s.Count = i, n
	return nil
}

// Check finds out which shard it is where no flag has said it, by the variables of an Indexed Job of
// Kubernetes, reads the file of --sizes, and refuses --lock, which would have the images of one worker
// alone. The index that Kubernetes sets counts from 0; JOB_COMPLETIONS is set by the author of the job.
func (s *Shard) Check(ctx context.Context, r *run.Run, locks LockFlags) error {
	index, completions := r.Env("JOB_COMPLETION_INDEX"), r.Env("JOB_COMPLETIONS")
	if s.Count == 0 && index != "" && completions != "" {
		i, err := strconv.Atoi(index)
		if err != nil || s.Set(fmt.Sprintf("%d/%s", i+1, completions)) != nil {
			return &cli.UsageError{
				Message: fmt.Sprintf("JOB_COMPLETION_INDEX=%s and JOB_COMPLETIONS=%s are no shard", index, completions),
				Advice:  "JOB_COMPLETIONS is spec.completions of the Job, and the index is less; --shard I/N overrides both",
			}
		}
		r.Note("shard %s, by JOB_COMPLETION_INDEX and JOB_COMPLETIONS", s)
	}
	if s.Count == 0 && index != "" && completions == "" {
		r.Note("JOB_COMPLETION_INDEX is set, and JOB_COMPLETIONS is not: this worker takes all repositories")
	}
	if s.Count > 0 && locks.write != "" {
		return &cli.UsageError{
			Message: "--lock and --shard cannot be used together",
			Advice:  "the lock would lack the images of the other workers; --locked with a lock of all works in each of them",
		}
	}
	return s.readSizes(ctx)
}

// has reports whether the shard takes a repository, or a layout or tar, by its name.
func (s *Shard) has(name string) bool {
	if s.Count == 0 {
		return true
	}
	worker, known := s.workers[name]
	if !known {
		worker = hashedWorker(name, s.Count)
	}
	return worker == s.Index
}

// hashedWorker returns the worker of a name by the jump hash of Lamping and Veach (arXiv:1406.2294): a
// further worker takes over an equal part of what each of the others had, and nothing else moves.
func hashedWorker(name string, count int) int {
	sum := sha256.Sum256([]byte(name))
	key, bucket, next := binary.BigEndian.Uint64(sum[:]), int64(-1), int64(0)
	for next < int64(count) {
		bucket = next
		key = key*2862933555777941757 + 1
		next = int64(float64(bucket+1) * (float64(1<<31) / float64((key>>33)+1)))
	}
	return int(bucket) + 1
}

// OtherShard reports whether the selection is for another worker. A pattern of repositories never
// is: each worker takes its part of them.
func (s Selection) OtherShard() bool {
	switch {
	case s.Repositories != "":
		return false
	case s.IsRegistry():
		return !s.Shard.has(s.Ref.Name())
	}
	return !s.Shard.has(s.Transport + s.Path)
}

// InShard returns the selection for the worker of a shard. It is a usage error if the tags that the
// selection must have are spread over several workers.
func (s Selection) InShard(shard Shard) (Selection, error) {
	s.Shard = shard
	if shard.Count > 0 && s.Repositories != "" && s.Minimum > 0 {
		return s, &cli.UsageError{
			Message: fmt.Sprintf("%s has a minimum, and no worker of --shard counts the tags of all its repositories", s),
			Advice:  "give minimum to single repositories",
		}
	}
	return s, nil
}
