package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/hczjl/transship/blob"
)

// source is a blob in memory. Its openings can fail in the middle.
type source struct {
	mu      sync.Mutex
	content []byte
	breakAt []int64 // for each opening the offset at which it fails, -1 for none
	offsets []int64 // of each opening
	read    int64   // bytes
	closed  int     // how many times
}

func (s *source) open(_ context.Context, offset int64) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if offset > int64(len(s.content)) {
		return nil, fmt.Errorf("no byte at %d", offset)
	}
	end := int64(len(s.content))
	var tail io.Reader = iotest.ErrReader(io.EOF)
	if n := len(s.offsets); n < len(s.breakAt) && s.breakAt[n] >= 0 {
		end, tail = s.breakAt[n], iotest.ErrReader(errors.New("connection reset"))
	}
	s.offsets = append(s.offsets, offset)
	r := io.MultiReader(bytes.NewReader(s.content[offset:max(end, offset)]), tail)
	return &countedReader{r, s}, nil
}

type countedReader struct {
	io.Reader
	s *source
}

func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.s.mu.Lock()
	c.s.read += int64(n)
	c.s.mu.Unlock()
	return n, err
}

func (c *countedReader) Close() error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.closed++
	return nil
}

func TestReaderReturnsTheBlob(t *testing.T) {
	for _, size := range []int{0, 1, 100, 1 << 20} {
		for _, a := range []blob.Algorithm{blob.SHA256, blob.SHA512} {
			b := randomBytes(size)
			s := &source{content: b}
			r := blob.NewReader(t.Context(), a.Digest(b), int64(size), s.open)
			if err := iotest.TestReader(r, b); err != nil {
				t.Errorf("%s, %d bytes: %v", a, size, err)
			}
			r.Close()
			if s.closed != 1 {
				t.Errorf("%s, %d bytes: source closed %d times, want once", a, size, s.closed)
			}
		}
	}
}

func TestReaderResumesAtTheByteWhereTheSourceFailed(t *testing.T) {
	b := randomBytes(1000)
	s := &source{content: b, breakAt: []int64{300, 300, 700, -1}}
	got, err := io.ReadAll(blob.NewReader(t.Context(), blob.FromBytes(b), 1000, s.open))
	if err != nil || !bytes.Equal(got, b) {
		t.Fatalf("got %d bytes, error %v", len(got), err)
	}
	if want := "[0 300 300 700]"; fmt.Sprint(s.offsets) != want {
		t.Errorf("opened at %v, want %v", s.offsets, want)
	}
	if s.read != 1000 {
		t.Errorf("%d bytes were read from the source, want each once", s.read)
	}
}

func TestReaderFailsWithoutProgress(t *testing.T) {
	b := randomBytes(100)
	s := &source{content: b, breakAt: []int64{40, 40, 40, 40, 40, 40, 40, 40}}
	_, err := io.ReadAll(blob.NewReader(t.Context(), blob.FromBytes(b), 100, s.open))
	if err == nil || errors.Is(err, io.EOF) {
		t.Fatalf("got error %v", err)
	}
	if len(s.offsets) > 5 {
		t.Errorf("opened %d times", len(s.offsets))
	}
}

func TestReaderRefusesWrongBytes(t *testing.T) {
	right := randomBytes(64 << 10)
	flipped := bytes.Clone(right)
	flipped[10] ^= 1
	for name, content := range map[string][]byte{
		"changed":   flipped,
		"truncated": right[:60<<10],
		"too long":  append(bytes.Clone(right), 0),
		"empty":     nil,
	} {
		s := &source{content: content}
		got, err := io.ReadAll(blob.NewReader(t.Context(), blob.FromBytes(right), int64(len(right)), s.open))
		var mismatch *blob.MismatchError
		if !errors.As(err, &mismatch) || errors.Is(err, io.EOF) {
			t.Errorf("%s: got error %v, want a mismatch", name, err)
		}
		if len(got) >= len(right) {
			t.Errorf("%s: all %d bytes were returned before the check", name, len(got))
		}
	}
}

func TestReaderOfEmptyBlobRefusesBytes(t *testing.T) {
	s := &source{content: []byte("x")}
	_, err := io.ReadAll(blob.NewReader(t.Context(), blob.FromBytes(nil), 0, s.open))
	var mismatch *blob.MismatchError
	if !errors.As(err, &mismatch) {
		t.Errorf("got error %v, want a mismatch", err)
	}
}

func TestReaderRefusesUnusableDescriptors(t *testing.T) {
	s := &source{}
	for _, c := range []struct {
		digest blob.Digest
		size   int64
		offset int64
	}{
		{"", 0, 0}, {"sha256:xyz", 1, 0}, {"md5:d41d8cd98f00b204e9800998ecf8427e", 0, 0},
		{blob.FromBytes(nil), -1, 0}, {blob.FromBytes(nil), 0, 1}, {blob.FromBytes(nil), 0, -1},
	} {
		if _, err := io.ReadAll(blob.NewStream(c.digest, c.size, s.open).Reader(t.Context(), c.offset)); err == nil {
			t.Errorf("%v: no error", c)
		}
	}
}

func TestStreamStartsFromTheNearestCheckpoint(t *testing.T) {
	const size = 40 << 20
	b := randomBytes(size)
	s := &source{content: b}
	stream := blob.NewStream(blob.FromBytes(b), size, s.open)
	if _, err := io.Copy(io.Discard, stream.Reader(t.Context(), 0)); err != nil {
		t.Fatal(err)
	}
	const offset = 35 << 20
	got, err := io.ReadAll(stream.Reader(t.Context(), offset))
	if err != nil || !bytes.Equal(got, b[offset:]) {
		t.Fatalf("got %d bytes, error %v", len(got), err)
	}
	if second := s.offsets[1]; second < 30<<20 || second > offset {
		t.Errorf("opened again at %d, want shortly before %d", second, offset)
	}
}

func TestStreamVerifiesBytesBeforeTheOffset(t *testing.T) {
	b := randomBytes(1000)
	b2 := bytes.Clone(b)
	b2[1] ^= 1
	s := &source{content: b2}
	_, err := io.ReadAll(blob.NewStream(blob.FromBytes(b), 1000, s.open).Reader(t.Context(), 500))
	var mismatch *blob.MismatchError
	if !errors.As(err, &mismatch) {
		t.Errorf("got error %v, want a mismatch", err)
	}
}

// A checkpoint at the end of a blob with wrong bytes would let a reader at the end succeed.
func TestStreamHasNoCheckpointAtItsEnd(t *testing.T) {
	const size = 16 << 20
	b := randomBytes(size)
	right := blob.FromBytes(b)
	b[0] ^= 1
	s := &source{content: b}
	stream := blob.NewStream(right, size, s.open)
	for _, offset := range []int64{0, size} {
		_, err := io.Copy(io.Discard, stream.Reader(t.Context(), offset))
		var mismatch *blob.MismatchError
		if !errors.As(err, &mismatch) {
			t.Errorf("from %d: got error %v, want a mismatch", offset, err)
		}
	}
}

func TestStreamIsReadConcurrently(t *testing.T) {
	const size = 17 << 20
	b := randomBytes(size)
	s := &source{content: b}
	stream := blob.NewStream(blob.FromBytes(b), size, s.open)
	var group sync.WaitGroup
	for _, offset := range []int64{0, 1, 16<<20 + 1, size} {
		group.Go(func() {
			r := stream.Reader(t.Context(), offset)
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, b[offset:]) {
				t.Errorf("from %d: got %d bytes, error %v", offset, len(got), err)
			}
		})
	}
	group.Wait()
	if stream.Size() != size || stream.Digest() != blob.FromBytes(b) {
		t.Errorf("got digest %s, size %d", stream.Digest(), stream.Size())
	}
}

// emptyReader returns neither bytes nor an error.
type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, nil }

func TestReaderOfASourceWithEmptyReads(t *testing.T) {
	b := []byte("ab")
	for name, first := range map[string]io.Reader{
		"at once": emptyReader{}, "after all bytes": io.MultiReader(bytes.NewReader(b), emptyReader{}),
	} {
		openings := 0
		open := func(context.Context, int64) (io.ReadCloser, error) {
			openings++
			return io.NopCloser(first), nil
		}
		got, err := io.ReadAll(blob.NewReader(t.Context(), blob.FromBytes(b), 2, open))
		if name == "at once" && (!errors.Is(err, io.ErrNoProgress) || openings != 4) {
			t.Errorf("%s: opened %d times, got error %v", name, openings, err)
		}
		if name == "after all bytes" && (err != nil || string(got) != "ab") {
			t.Errorf("%s: got %q, error %v", name, got, err)
		}
	}
}

func TestReaderOpensAFailingSourceOnce(t *testing.T) {
	broken := errors.New("broken")
	calls := 0
	r := blob.NewReader(t.Context(), blob.FromBytes(nil), 0, func(context.Context, int64) (io.ReadCloser, error) {
		calls++
		return nil, broken
	})
	for range 2 {
		if _, err := r.Read(make([]byte, 1)); !errors.Is(err, broken) {
			t.Errorf("got error %v", err)
		}
	}
	if _, err := r.Read(nil); !errors.Is(err, broken) || calls != 1 {
		t.Errorf("got error %v after %d openings", err, calls)
	}
}

func TestReaderAfterClose(t *testing.T) {
	s := &source{content: []byte("ab")}
	r := blob.NewReader(t.Context(), blob.FromBytes(s.content), 2, s.open)
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := r.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) || len(s.offsets) != 0 {
		t.Errorf("got error %v after %d openings", err, len(s.offsets))
	}
}

func TestCloseWhileTheSourceOpensClosesTheSource(t *testing.T) {
	s := &source{content: []byte("ab")}
	var r io.ReadCloser
	open := func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		r.Close()
		return s.open(ctx, offset)
	}
	r = blob.NewReader(t.Context(), blob.FromBytes(s.content), 2, open)
	if _, err := r.Read(make([]byte, 1)); err == nil || s.closed != 1 {
		t.Errorf("got error %v, the source was closed %d times", err, s.closed)
	}
}

func TestReaderStopsWithItsContext(t *testing.T) {
	b := randomBytes(100)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("canceled")
	s := &source{content: b}
	r := blob.NewReader(ctx, blob.FromBytes(b), 100, s.open)
	r.Read(make([]byte, 10))
	cancel(cause)
	if _, err := io.ReadAll(r); !errors.Is(err, cause) {
		t.Errorf("got error %v, want the cause", err)
	}
}

func TestCloseEndsARead(t *testing.T) {
	pr, pw := io.Pipe()
	defer pw.Close()
	opened := make(chan struct{})
	open := func(context.Context, int64) (io.ReadCloser, error) {
		close(opened)
		return pr, nil
	}
	r := blob.NewReader(t.Context(), blob.FromBytes([]byte("ab")), 2, open)
	done := make(chan error)
	go func() {
		_, err := io.ReadAll(r)
		done <- err
	}()
	<-opened
	r.Close()
	if err := <-done; err == nil {
		t.Error("a closed reader reached its end")
	}
}

func TestOpenOpensOnceAndReadsNothing(t *testing.T) {
	b := randomBytes(100)
	s := &source{content: b}
	r := blob.NewReader(t.Context(), blob.FromBytes(b), 100, s.open)
	for range 2 {
		if err := r.(blob.Opener).Open(); err != nil || len(s.offsets) != 1 || s.read != 0 {
			t.Fatalf("opened at %v, %d bytes read, error %v", s.offsets, s.read, err)
		}
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, b) || len(s.offsets) != 1 {
		t.Errorf("read %d bytes after opening at %v, error %v", len(got), s.offsets, err)
	}

	broken := errors.New("broken")
	fail := func(context.Context, int64) (io.ReadCloser, error) { return nil, broken }
	r = blob.NewReader(t.Context(), blob.FromBytes(b), 100, fail)
	if err := r.(blob.Opener).Open(); !errors.Is(err, broken) {
		t.Errorf("a source that cannot be opened: error %v", err)
	}
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, broken) {
		t.Errorf("Read after that: error %v", err)
	}
	r = blob.NewReader(t.Context(), "sha256:x", 100, s.open)
	if err := r.(blob.Opener).Open(); err == nil {
		t.Error("an invalid digest: no error")
	}
	r = blob.NewReader(t.Context(), blob.FromBytes(b), 100, s.open)
	r.Close()
	if err := r.(blob.Opener).Open(); err == nil {
		t.Error("a closed reader: no error")
	}
}

func TestSkipOpensOnceAndReadsNothing(t *testing.T) {
	b := randomBytes(100)
	s := &source{content: b}
	r := blob.NewReader(t.Context(), blob.FromBytes(b), 100, s.open)
	for range 2 {
		if err := r.(blob.Skipper).Skip(); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := r.Read(make([]byte, 100)); n != 0 || err == nil || err == io.EOF {
		t.Errorf("Read after that: %d bytes, error %v", n, err)
	}
	if err := r.(blob.Opener).Open(); err != nil { // the next chunk of a plan
		t.Errorf("Open after that: error %v", err)
	}
	if r.Close(); len(s.offsets) != 1 || s.read != 0 || s.closed != 1 {
		t.Errorf("opened at %v, closed %d times, %d bytes read", s.offsets, s.closed, s.read)
	}

	broken := errors.New("broken")
	fail := func(context.Context, int64) (io.ReadCloser, error) { return nil, broken }
	r = blob.NewReader(t.Context(), blob.FromBytes(b), 100, fail)
	if err := r.(blob.Skipper).Skip(); !errors.Is(err, broken) {
		t.Errorf("a source that cannot be opened: error %v", err)
	}
	r = blob.NewReader(t.Context(), "sha256:x", 100, s.open)
	if err := r.(blob.Skipper).Skip(); err == nil {
		t.Error("an invalid digest: no error")
	}
}

// A source that is too slow is opened once more. If it is slow again before much has come, the read
// fails, although each attempt has brought bytes.
func TestSlowSourceIsGivenUp(t *testing.T) {
	content := make([]byte, 35<<20)
	digest := blob.FromBytes(content)
	for name, test := range map[string]struct {
		step  int64 // bytes before the source gets too slow
		opens int
		ok    bool
	}{
		"always":       {1000, 2, false},
		"seldom":       {17 << 20, 3, true},
		"now and then": {15 << 20, 2, false},
	} {
		opens := 0
		open := func(_ context.Context, offset int64) (io.ReadCloser, error) {
			opens++
			end := min(offset+test.step, int64(len(content)))
			slow := iotest.ErrReader(fmt.Errorf("registry.example: %w", blob.ErrTooSlow))
			if end == int64(len(content)) {
				slow = bytes.NewReader(nil)
			}
			return io.NopCloser(io.MultiReader(bytes.NewReader(content[offset:end]), slow)), nil
		}
		_, err := io.Copy(io.Discard, blob.NewReader(t.Context(), digest, int64(len(content)), open))
		if (err == nil) != test.ok || err != nil && !errors.Is(err, blob.ErrTooSlow) || opens != test.opens {
			t.Errorf("%s: error %v after %d opens, want success %v after %d", name, err, opens, test.ok, test.opens)
		}
	}
}
