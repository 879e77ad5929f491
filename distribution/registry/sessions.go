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
	id, name string
	upload   Upload
	turn     chan struct{} // holds one value while a request has the session
	rested   time.Time     // since when no request has had it; guarded by the table
}

// sessions is the table of open sessions.
type sessions struct {
	mu   sync.Mutex
	byID map[string]*session
}

// add opens a session. Where there are as many as may be, those that have rested too long are dropped first.
func (t *sessions) add(name string, upload Upload, most int, timeout time.Duration) (*session, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID == nil {
		t.byID = map[string]*session{}
	}
	t.drop(time.Now().Add(-timeout))
	if len(t.byID) >= most {
		return nil, &apiError{status: http.StatusTooManyRequests, code: codeTooManyRequests, message: "too many uploads are open"}
	}
	s := &session{id: newUUID(), name: name, upload: upload, turn: make(chan struct{}, 1), rested: time.Now()}
	t.byID[s.id] = s
	return s, nil
}

// drop cancels the sessions that have rested since before.
func (t *sessions) drop(before time.Time) {
	for id, s := range t.byID {
		if !s.rested.Before(before) {
			continue
		}
		select {
		case s.turn <- struct{}{}:
			delete(t.byID, id)
			_ = s.upload.Cancel() // what cannot be removed now is swept later
			<-s.turn              // whoever waits for it shall see that it is gone
		default: // a request has it
		}
	}
}

// dropResting cancels the sessions that no request has now.
func (t *sessions) dropResting() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop(time.Now())
}

// take waits for the session's turn. The caller gives it back with release, or ends the session with remove.
func (t *sessions) take(ctx context.Context, name, id string) (*session, error) {
	s := t.get(name, id)
	if s == nil {
		return nil, errSessionUnknown()
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if t.get(name, id) == nil {
		<-s.turn // it ended while this request waited; let the next one see that too
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
	s.rested = time.Now()
	t.mu.Unlock()
	<-s.turn
}

// remove takes the session out of the table; the caller still has to release it.
func (t *sessions) remove(s *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byID, s.id)
}

func errSessionUnknown() error {
	return &apiError{status: http.StatusNotFound, code: codeBlobUploadUnknown, message: "there is no such upload session, or it has ended"}
}

// newUUID returns a random UUID (RFC 9562, section 5.4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
