package registry

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
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
	client    string // who opened it, as clientOf returns it
	upload    Upload
	lock      chan struct{} // has one value while a request uses the session
	idleSince time.Time     // end of the last request; guarded by the table's mutex
}

// sessions is the table of open sessions.
type sessions struct {
	mu   sync.Mutex
	byID map[string]*session
}

// sessionLimits are the maximum numbers of open sessions, and how long they may be idle.
type sessionLimits struct {
	all, perClient int
	timeout        time.Duration
}

// add opens a session. It first drops the sessions that have been idle for longer than the timeout,
// and if the client or all have too many, the one of them that has been idle for longest.
func (t *sessions) add(client, name string, upload Upload, limits sessionLimits) (*session, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID == nil {
		t.byID = map[string]*session{}
	}
	t.dropIdle(time.Now().Add(-limits.timeout))
	if !t.makeRoom(limits.perClient, func(s *session) bool { return s.client == client }) {
		return nil, newError(http.StatusTooManyRequests, codeTooManyRequests, "too many of your uploads are in progress")
	}
	if !t.makeRoom(limits.all, func(*session) bool { return true }) {
		return nil, newError(http.StatusTooManyRequests, codeTooManyRequests, "too many uploads are in progress")
	}
	s := &session{
		id: newUUID(), client: client, name: name, upload: upload, lock: make(chan struct{}, 1), idleSince: time.Now(),
	}
	t.byID[s.id] = s
	return s, nil
}

// makeRoom makes sure that fewer than limit sessions match: it drops the one that has been idle for
// longest. It reports false if requests use all of them. The caller holds t.mu.
func (t *sessions) makeRoom(limit int, match func(*session) bool) bool {
	var open []*session
	for _, s := range t.byID {
		if match(s) {
			open = append(open, s)
		}
	}
	if len(open) < limit {
		return true
	}
	slices.SortFunc(open, func(a, b *session) int { return a.idleSince.Compare(b.idleSince) })
	return slices.ContainsFunc(open, t.drop)
}

// dropIdle cancels the sessions that have been idle since before a time. The caller holds t.mu.
func (t *sessions) dropIdle(before time.Time) {
	for _, s := range t.byID {
		if s.idleSince.Before(before) {
			t.drop(s)
		}
	}
}

// drop cancels a session, unless a request uses it, and reports whether it did. The caller holds
// t.mu.
func (t *sessions) drop(s *session) bool {
	select {
	case s.lock <- struct{}{}:
	default:
		return false
	}
	delete(t.byID, s.id)
	_ = s.upload.Cancel() // files that cannot be removed now are swept later
	<-s.lock              // a request that waits for it finds that the session has ended
	return true
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

// release lets the next request use a session.
func (t *sessions) release(s *session) {
	if t.get(s.name, s.id) != nil {
		_ = s.upload.Suspend() // what it cannot free stays until the session ends
	}
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
