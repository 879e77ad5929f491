package distribution_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// memoryJournal is a Journal in memory.
type memoryJournal struct {
	mu    sync.Mutex
	notes map[distribution.UploadKey]distribution.UploadNote
	taken map[distribution.UploadKey]bool
	saved int
}

func newMemoryJournal() *memoryJournal {
	return &memoryJournal{
		notes: map[distribution.UploadKey]distribution.UploadNote{}, taken: map[distribution.UploadKey]bool{},
	}
}

func (j *memoryJournal) Take(k distribution.UploadKey) (distribution.UploadNote, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.taken[k] {
		return distribution.UploadNote{}, false
	}
	j.taken[k] = true
	return j.notes[k], true
}

func (j *memoryJournal) Save(k distribution.UploadKey, n distribution.UploadNote) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.notes[k] = n
	j.saved++
}

func (j *memoryJournal) Release(k distribution.UploadKey, keep bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.taken, k)
	if !keep {
		delete(j.notes, k)
	}
}

// killedUpload is a registry with a part of a blob, and a journal, as a process leaves them that was
// killed in the middle of its upload.
type killedUpload struct {
	*faultyRegistry
	journal *memoryJournal
	bytes   []byte
	blob    manifest.Descriptor
	resumed []int64 // where uploads were resumed
}

// kill ends a process at the byte killedAt of the source: no line of its code runs from then on, so that what
// the journal has at that moment is what the next process finds.
func kill(t *testing.T, rules ...registry.Rule) *killedUpload {
	t.Helper()
	k := &killedUpload{faultyRegistry: newFaultyRegistry(t, rules...), journal: newMemoryJournal()}
	k.bytes, k.blob = journaledBlob()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var left map[distribution.UploadKey]distribution.UploadNote
	k.repo.Journal = k.journal
	_, err := k.repo.PutBlob(ctx, k.blob, func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(k.bytes[offset:killedAt]), readerFunc(func([]byte) (int, error) {
			k.journal.mu.Lock()
			left = maps.Clone(k.journal.notes)
			k.journal.mu.Unlock()
			// A killed process cancels no session.
			k.Set(registry.Rule{Match: "^DELETE", Status: 500})
			stop()
			return 0, errors.New("killed")
		}))), nil
	})
	if err == nil {
		t.Fatal("the upload was not killed")
	}
	k.journal.notes = left
	k.Set(rules...)
	k.ResetRequests()
	k.repo.OnResume = func(_ blob.Digest, offset int64) { k.resumed = append(k.resumed, offset) }
	return k
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// sent returns how many bytes of bodies the requests had.
func (k *killedUpload) sent() (n int64) {
	for _, r := range k.Requests() {
		n += max(0, r.Length)
	}
	return n
}

// put uploads the blob as the next process does, and checks that the registry has it and the journal
// nothing.
func (k *killedUpload) put(t *testing.T) {
	t.Helper()
	k.opened = nil
	if _, err := k.repo.PutBlob(t.Context(), k.blob, k.open(k.bytes)); err != nil {
		t.Fatal(err)
	}
	k.checkBlob(t, k.bytes, k.blob)
	if len(k.journal.notes)+len(k.journal.taken) > 0 {
		t.Errorf("the journal has %v, %v", k.journal.notes, k.journal.taken)
	}
}

const (
	journaled = 36 << 20
	killedAt  = 17 << 20
)

var journaledBlob = sync.OnceValues(func() ([]byte, manifest.Descriptor) { return randomBlob(journaled) })

// What a registry has of a killed upload is not sent again, and not read again from the source but for
// what lies behind the last state of the hash.
func TestKilledUploadIsResumed(t *testing.T) {
	for _, chunk := range []int64{0, 8 << 20} {
		k := kill(t)
		k.repo.ChunkSize = chunk
		k.put(t)
		if n := k.sent(); n > journaled-killedAt+4<<20 || len(k.resumed) != 1 {
			t.Errorf("chunks of %d: %d bytes were sent, resumed at %v", chunk, n, k.resumed)
		}
		if want := []int64{16 << 20}; !slices.Equal(k.opened, want) {
			t.Errorf("chunks of %d: the source was opened at %v, want %v", chunk, k.opened, want)
		}
	}
}

// A clean upload makes the calls that it makes without a journal, and a small one is not noted.
func TestJournalCostsNoCall(t *testing.T) {
	for size, saves := range map[int]int{1 << 20: 0, journaled: 3} {
		l := newFaultyRegistry(t)
		b, d := randomBlob(size)
		j := newMemoryJournal()
		l.repo.Journal = j
		if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
			t.Fatal(err)
		}
		if n := len(l.Requests()); n != 2 || j.saved != saves || len(j.notes) != 0 {
			t.Errorf("%d bytes: %d calls, saved %d times, and the journal has %v", size, n, j.saved, j.notes)
		}
	}
}

// Whatever the journal or the registry says of an earlier session, the blob arrives whole.
func TestWrongNotesStartAnew(t *testing.T) {
	if testing.Short() {
		t.Skip("sends many large blobs")
	}
	change := func(f func(*distribution.UploadNote)) func(*killedUpload) {
		return func(k *killedUpload) {
			for key, n := range k.journal.notes {
				f(&n)
				k.journal.notes[key] = n
			}
		}
	}
	status := func(set map[string]string, code int) func(*killedUpload) {
		return func(k *killedUpload) {
			k.Set(registry.Rule{Match: `^GET .*/uploads/`, Header: set, Status: code})
		}
	}
	for name, c := range map[string]struct {
		prepare func(*killedUpload)
		fresh   bool // all bytes are sent
	}{
		"ended by another client": {func(k *killedUpload) {
			req, err := http.NewRequest("DELETE", onlyNote(k).Location, nil)
			if err != nil {
				panic(err)
			}
			if _, err := k.repo.Client.HTTP.Do(req); err != nil {
				panic(err)
			}
		}, true},
		"no such session":        {change(func(n *distribution.UploadNote) { n.Location += "x" }), true},
		"no URL":                 {change(func(n *distribution.UploadNote) { n.Location = "::" }), true},
		"without a host":         {change(func(n *distribution.UploadNote) { n.Location = "/v2/a" }), true},
		"another host":           {change(func(n *distribution.UploadNote) { n.Location = "http://127.0.0.1:1/x" }), true},
		"status 500":             {status(nil, 500), true},
		"status 405":             {status(nil, 405), true},
		"no Range":               {status(map[string]string{"Range": ""}, 0), true},
		"more than the blob has": {status(map[string]string{"Range": "0-99999999"}, 0), true},
		"more than it has":       {status(map[string]string{"Range": "0-36700159"}, 0), true},
		"all of it":              {status(map[string]string{"Range": fmt.Sprintf("0-%d", journaled-1)}, 0), true},
		"less than it has":       {status(map[string]string{"Range": "0-1048575"}, 0), true},
		"wrong hash": {change(func(n *distribution.UploadNote) {
			other := blob.SHA256.New()
			other.Write([]byte("other bytes"))
			c, _ := blob.NewCheckpoint(n.Checkpoints[0].Offset, other)
			n.Checkpoints = []blob.Checkpoint{c}
		}), true},
		"no hash": {change(func(n *distribution.UploadNote) {
			n.Checkpoints = []blob.Checkpoint{{Offset: 16 << 20, State: []byte("damaged")}}
		}), false},
		"no checkpoints": {change(func(n *distribution.UploadNote) { n.Checkpoints = nil }), false},
	} {
		t.Run(name, func(t *testing.T) {
			k := kill(t)
			c.prepare(k)
			k.put(t)
			if n := k.sent(); c.fresh != (n >= journaled) {
				t.Errorf("%d bytes were sent, resumed at %v", n, k.resumed)
			}
		})
	}
}

func onlyNote(k *killedUpload) distribution.UploadNote {
	for _, n := range k.journal.notes {
		return n
	}
	return distribution.UploadNote{}
}

// A registry that has lost some of what it had is sent that again, and the source read from before it.
func TestOffsetThatWentBack(t *testing.T) {
	const left = 4 << 20
	k := kill(t)
	post, err := k.repo.Client.HTTP.Post("http://"+k.repo.Client.Host+"/v2/"+k.repo.Name+"/blobs/uploads/", "", nil)
	if err != nil || post.StatusCode != 202 {
		t.Fatal(post, err)
	}
	at, err := post.Location()
	if err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequest("PATCH", at.String(), bytes.NewReader(k.bytes[:left]))
	if resp, err := k.repo.Client.HTTP.Do(req); err != nil || resp.StatusCode != 202 {
		t.Fatal(resp, err)
	}
	for key, n := range k.journal.notes {
		n.Location = at.String()
		k.journal.notes[key] = n
	}
	k.ResetRequests()
	k.put(t)
	if n := k.sent(); n != journaled-left || !slices.Equal(k.resumed, []int64{left}) || !slices.Equal(k.opened, []int64{0}) {
		t.Errorf("%d bytes were sent, resumed at %v, the source was opened at %v", n, k.resumed, k.opened)
	}
}

// The registry may have all bytes, and the process was killed before it closed the session: the source
// is verified before that is done now.
func TestKilledBeforeTheClose(t *testing.T) {
	k := kill(t)
	n := onlyNote(k)
	req, _ := http.NewRequest("PATCH", n.Location, bytes.NewReader(k.bytes[k.has(t):]))
	if resp, err := k.repo.Client.HTTP.Do(req); err != nil || resp.StatusCode != 202 {
		t.Fatal(resp, err)
	}
	k.ResetRequests()
	k.put(t)
	if k.sent() != 0 || !slices.Equal(k.opened, []int64{16 << 20}) {
		t.Errorf("%d bytes were sent, the source was opened at %v", k.sent(), k.opened)
	}
}

// has returns how many bytes the registry has of the noted session.
func (k *killedUpload) has(t *testing.T) int64 {
	t.Helper()
	resp, err := k.repo.Client.HTTP.Get(onlyNote(k).Location)
	if err != nil {
		t.Fatal(err)
	}
	var last int64
	fmt.Sscanf(resp.Header.Get("Range"), "0-%d", &last)
	return last + 1
}

// Another process has the entry: the upload is made without the journal.
func TestTakenEntryIsLeftAlone(t *testing.T) {
	k := kill(t)
	for key := range k.journal.notes {
		k.journal.taken[key] = true
	}
	if _, err := k.repo.PutBlob(t.Context(), k.blob, k.open(k.bytes)); err != nil {
		t.Fatal(err)
	}
	if len(k.journal.notes) != 1 || k.sent() != journaled {
		t.Errorf("%d bytes were sent, and the journal has %v", k.sent(), k.journal.notes)
	}
}

// An upload that fails for a reason which may pass stays on the registry for the next run; one whose
// bytes are wrong, or that is refused, is cancelled.
func TestFailedUploadIsKeptForTheNextRun(t *testing.T) {
	for name, c := range map[string]struct {
		open func(*faultyRegistry, context.CancelFunc, []byte) blob.Open
		kept bool
	}{
		"stopped": {func(l *faultyRegistry, stop context.CancelFunc, b []byte) blob.Open {
			return func(_ context.Context, offset int64) (io.ReadCloser, error) {
				return io.NopCloser(io.MultiReader(bytes.NewReader(b[offset:killedAt]), readerFunc(func([]byte) (int, error) {
					stop()
					return 0, errors.New("stopped")
				}))), nil
			}
		}, true},
		"source failed": {func(l *faultyRegistry, _ context.CancelFunc, b []byte) blob.Open {
			return func(_ context.Context, offset int64) (io.ReadCloser, error) {
				return io.NopCloser(io.MultiReader(bytes.NewReader(b[offset:max(offset, killedAt)]),
					readerFunc(func([]byte) (int, error) { return 0, errors.New("reset") }))), nil
			}
		}, true},
		"wrong bytes": {func(l *faultyRegistry, _ context.CancelFunc, b []byte) blob.Open {
			b = bytes.Clone(b)
			b[len(b)-1] ^= 1
			return l.open(b)
		}, false},
		"refused": {func(l *faultyRegistry, _ context.CancelFunc, b []byte) blob.Open {
			l.Set(registry.Rule{Match: "^PUT", Status: 403})
			return l.open(b)
		}, false},
	} {
		l := newFaultyRegistry(t)
		b, d := journaledBlob()
		j := newMemoryJournal()
		l.repo.Journal = j
		ctx, stop := context.WithCancel(t.Context())
		_, err := l.repo.PutBlob(ctx, d, c.open(l, stop, b))
		stop()
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if cancelled := l.Count("^DELETE") > 0; c.kept == cancelled || c.kept != (len(j.notes) == 1) || len(j.taken) > 0 {
			t.Errorf("%s: cancelled %v, the journal has %d notes", name, cancelled, len(j.notes))
		}
	}
}

// A registry that drops what it got of a request that broke off, as zot does, gets the blob from its
// beginning.
func TestRegistryWithoutBrokenUploads(t *testing.T) {
	k := kill(t)
	k.Set(registry.Rule{Match: "^(GET|PATCH|DELETE) .*/uploads/" + sessionID(onlyNote(k).Location), Status: 404})
	k.put(t)
	if k.sent() != journaled || k.resumed != nil {
		t.Errorf("%d bytes were sent, resumed at %v", k.sent(), k.resumed)
	}
}

func sessionID(location string) string { return location[strings.LastIndex(location, "/")+1:] }
