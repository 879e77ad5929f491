package registry

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	defaultMaxUploads    = 1000
	defaultUploadTimeout = time.Hour
)

// session is an upload that several requests write to, one at a time.
type session struct {
	id, name  string
	upload    Upload
	lock      chan struct{} // has one value while a request uses the session
	idleSince time.Time     // end of the last request; guarded by the table's mutex
}

// sessions is the table of open sessions.
type sessions struct {
	mu   sync.Mutex
	byID map[string]*session
}

// add opens a session. It first drops the sessions that have been idle for longer than timeout.
func (t *sessions) add(name string, upload Upload, maxOpen int, timeout time.Duration) (*session, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID == nil {
		t.byID = map[string]*session{}
	}
	t.dropIdle(time.Now().Add(-timeout))
	if len(t.byID) >= maxOpen {
		return nil, newError(http.StatusTooManyRequests, codeTooManyRequests, "too many uploads are open")
	}
	s := &session{id: newUUID(), name: name, upload: upload, lock: make(chan struct{}, 1), idleSince: time.Now()}
	t.byID[s.id] = s
	return s, nil
}

// dropIdle cancels the sessions that have been idle since before a time. The caller holds t.mu.
func (t *sessions) dropIdle(before time.Time) {
	for id, s := range t.byID {
		if !s.idleSince.Before(before) {
			continue
		}
		select {
		case s.lock <- struct{}{}:
			delete(t.byID, id)
			_ = s.upload.Cancel() // files that cannot be removed now are swept later
			<-s.lock              // a request that waits for it finds that the session has ended
		default: // a request uses it
		}
	}
}

// dropAllIdle cancels the sessions that no request uses.
func (t *sessions) dropAllIdle() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dropIdle(time.Now())
}

// acquire returns a session once no other request uses it. The caller must release it.
func (t *sessions) acquire(ctx context.Context, name, id string) (*session, error) {
	s := t.get(name, id)
	if s == nil {
		return nil, errSessionUnknown()
	}
	select {
	case s.lock <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if t.get(name, id) == nil {
		<-s.lock // the session ended meanwhile; let the next request that waits find that too
		return nil, errSessionUnknown()
	}
	return s, nil
}

func (t *sessions) get(name, id string) *session {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.byID[id]; s != nil && s.name == name {
		return s
	}
	return nil
}

func (t *sessions) release(s *session) {
	t.mu.Lock()
	s.idleSince = time.Now()
	t.mu.Unlock()
	<-s.lock
}

// remove ends a session. The caller must still release it.
func (t *sessions) remove(s *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byID, s.id)
}

func errSessionUnknown() error {
	return newError(http.StatusNotFound, codeBlobUploadUnknown, "there is no such upload session, or it has ended")
}

// newUUID returns a random UUID (RFC 9562, section 5.4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
