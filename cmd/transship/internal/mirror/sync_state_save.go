package mirror

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// save replaces the file atomically. The log is kept if the run was interrupted, or the file could not be
// replaced.
func (s *syncState) save(interrupted bool, rate int64) error {
	if s == nil {
		return nil
	}
	s.rate = cmp.Or(rate, s.rate)
	if err := s.write(); err != nil {
		_ = s.log.close(false)
		return cli.WithHint(fmt.Errorf("--state %s cannot be replaced: %v", s.path, err), // not the error of a target
			"the next run does so, and asks only for what "+s.log.path+" lacks; make room for both")
	}
	return s.log.close(!interrupted)
}

func (s *syncState) head() stateHead {
	return stateHead{Version: syncStateVersion, Shard: s.shard.String(), Sizes: s.shard.Sizes}
}

// write replaces the file by one that has the images of the log too.
func (s *syncState) write() error {
	images, err := s.sorted()
	if err != nil {
		return err
	}
	head := s.head()
	head.BytesPerSecond = s.rate
	return cli.ReplaceFileBy(s.path, 0o600, func(w io.Writer) error {
		defer s.file.Close() // before it is replaced
		return errors.Join(encodeState(w, head, images.all()), images.err)
	})
}

// sorted returns the images of the file and of the log.
func (s *syncState) sorted() (images *imageSorter, err error) {
	images = new(imageSorter)
	if s.file != nil {
		err = images.addFile(s.file, func(add addImage) error {
			_, err := decodeState(io.NewSectionReader(s.file, 0, math.MaxInt64), add)
			return err
		})
	}
	for _, log := range []io.ReaderAt{s.log.file, bytes.NewReader(s.unlogged.Bytes())} {
		err = errors.Join(err, images.addFile(log, func(add addImage) error {
			_, _, _, err := readLog(io.NewSectionReader(log, 0, math.MaxInt64), add)
			return err
		}))
	}
	return images, err
}
