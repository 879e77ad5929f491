package rawcall

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution"
)

// maxBuffered is how many bytes of a stream are read before the call, so that it can be sent again.
const maxBuffered = 4 << 20

// setBody makes what --data names the body.
func (c *callCommand) setBody(ctx context.Context, r *run.Run, call *distribution.RawCall) error {
	switch c.data {
	case "":
		return nil
	case "-":
		return setStream(ctx, call, io.NopCloser(r.Stdin))
	}
	file, err := cli.OpenFile(ctx, c.data)
	if err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return setStream(ctx, call, file)
	}
	file.Close() // it is opened anew for each attempt
	call.Size = info.Size()
	call.Body = func() (io.ReadCloser, error) {
		file, err := os.Open(c.data)
		if err != nil {
			return nil, fmt.Errorf("--data: %w", err)
		}
		return file, nil
	}
	return nil
}

// setStream makes a stream the body. A short one is kept, so that it has a size and can be sent
// again.
func setStream(ctx context.Context, call *distribution.RawCall, stream io.ReadCloser) error {
	start, err := readStart(ctx, stream)
	if err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	if len(start) <= maxBuffered {
		call.Size = int64(len(start))
		call.Body = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(start)), nil }
		return nil
	}
	call.Size, call.Once = -1, true
	call.Body = func() (io.ReadCloser, error) {
		return struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(start), stream), stream}, nil
	}
	return nil
}

// readStart reads a stream up to its end or to one byte more than is kept.
func readStart(ctx context.Context, stream io.Reader) ([]byte, error) {
	type result struct {
		start []byte
		err   error
	}
	done := make(chan result, 1) // a read from a terminal may never return
	go func() {
		start, err := io.ReadAll(io.LimitReader(stream, maxBuffered+1))
		done <- result{start, err}
	}()
	select {
	case r := <-done:
		return r.start, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
