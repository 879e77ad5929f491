package layout

import "sync"

// syncEvery is after how many bytes they are written to the disk. A machine that loses its power keeps
// them then, and the last Sync has less to do.
const syncEvery = 8 << 20

// syncer writes files to the disk in the background while they grow. One call of sync is under way at a
// time; what comes meanwhile, the next one takes. A nil one does nothing.
type syncer struct {
	sync func() error // is called for what was written before

	group    sync.WaitGroup
	mu       sync.Mutex
	running  bool
	unsynced int64 // bytes
	err      error // the first of sync
}

// wrote counts n bytes that were written. It returns the error of an earlier sync: later ones do not
// report it again.
func (s *syncer) wrote(n int64) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsynced += n
	if !s.running && s.due() {
		s.running = true
		s.group.Go(s.run)
	}
	return s.err
}

func (s *syncer) due() bool { return s.unsynced >= syncEvery && s.err == nil }

func (s *syncer) run() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.due() {
		s.unsynced = 0
		s.mu.Unlock()
		err := s.sync()
		s.mu.Lock()
		s.err = err
	}
	s.running = false
}

// wait waits for the sync that is under way, and returns the first error.
func (s *syncer) wait() error {
	if s == nil {
		return nil
	}
	s.group.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
