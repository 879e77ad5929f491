package layout

import (
	"errors"
	"testing"
)

// A file is written to the disk while it grows, by one call at a time. The error of one is reported by
// every later call: the last Sync of a file does not have it any more.
func TestSyncer(t *testing.T) {
	begun, end := make(chan bool), make(chan error)
	s := &syncer{sync: func() error { begun <- true; return <-end }}
	wrote := func(n int64, want error) {
		t.Helper()
		if err := s.wrote(n); !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
	}
	wrote(syncEvery-1, nil)
	select {
	case <-begun:
		t.Error("it was called too early")
	default:
	}
	wrote(1, nil)
	<-begun
	wrote(syncEvery, nil)
	end <- nil
	<-begun // for what came meanwhile
	full := errors.New("full")
	end <- full
	if err := s.wait(); err != full {
		t.Errorf("error %v", err)
	}
	wrote(2*syncEvery, full)
}
